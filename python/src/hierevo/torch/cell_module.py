"""Cells as PyTorch modules."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from hierevo.cell import CONVOLUTIONS, Cell
from hierevo.errors import UsageError
from hierevo.genotype import Genotype
from hierevo.plan import node_width, require_valid
from hierevo.torch.layers import Conv, SeparableConv


class CellModule(nn.Module):
    """An assembled cell: images [N, in_channels, H, W] to [N, out_channels, H, W], any H and W.

    `graph` is the cell. Its convolutions are named by their paths: that on edge 2→4 of the motif on
    edge 1→3 is `get_submodule("1-3.2-4")`.
    """

    def __init__(self, graph: Cell, in_channels: int, channels: int) -> None:
        """Raises UsageError for an invalid cell. `channels` are those of its 1×1 convolutions."""
        super().__init__()
        require_valid(graph)
        self.graph = graph
        self.in_channels = in_channels
        widths = [in_channels]
        for node in graph.nodes[1:]:
            if node.kind in CONVOLUTIONS:
                width = widths[node.operands[0]]
                _place(self, node.path, _convolution(node.kind, width, channels))
            widths.append(node_width(node, widths, channels))
        self.out_channels = widths[graph.output]
        self._last_uses = _last_uses(graph)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Computes it."""
        values = {0: x}
        for index, node in enumerate(self.graph.nodes[1:], 1):
            operands = [values[operand] for operand in node.operands]
            if node.kind == "concat":
                value = torch.cat(operands, dim=1)
            elif node.kind == "maxpool3x3":
                value = F.max_pool2d(operands[0], 3, stride=1, padding=1)
            elif node.kind == "avgpool3x3":
                value = F.avg_pool2d(operands[0], 3, stride=1, padding=1, count_include_pad=False)
            else:
                value = self.get_submodule(node.path)(operands[0])
            values[index] = value
            del operands, value
            for done in self._last_uses[index]:
                del values[done]  # its memory is free then, unless autograd needs it
        return values[self.graph.output]


def cell(genotype: Genotype, channels: int, input_channels: int | None = None) -> CellModule:
    """The genotype's cell as a module to be put into a network of one's own.

    `channels` is C of the paper: what its 1×1 and separable convolutions have. It takes images of
    `input_channels`, by default as many, and gives `out_channels`, an attribute: C for cells of
    hierarchical spaces whose output is no concatenation, otherwise what is concatenated. Weights
    start as in trainings of the programs. Raises UsageError for an invalid cell.
    """
    width = channels if input_channels is None else input_channels
    for name, number in (("channels", channels), ("input_channels", width)):
        if number < 1:
            raise UsageError(f"{name} is {number}", "a cell has at least 1")
    return CellModule(genotype.assemble(), width, channels)


def _convolution(kind: str, width: int, channels: int) -> nn.Module:
    if kind == "conv1x1":
        return Conv(width, channels)
    if kind == "depthwise3x3":
        return Conv(width, width, kernel=3, groups=width)
    return SeparableConv(width, channels)


def _place(root: nn.Module, path: str, module: nn.Module) -> None:
    """Registers a module by a path with dots; each part of it but the last is a module, too."""
    *folders, name = path.split(".")
    for folder in folders:
        if folder not in root._modules:
            root.add_module(folder, nn.Module())
        root = root.get_submodule(folder)
    root.add_module(name, module)


def _last_uses(graph: Cell) -> list[list[int]]:
    """For each node, those whose value is not needed after it."""
    last = {source: i for i, node in enumerate(graph.nodes) for source in node.operands}
    done: list[list[int]] = [[] for _ in graph.nodes]
    for source, user in last.items():
        if source != graph.output:
            done[user].append(source)
    return done
