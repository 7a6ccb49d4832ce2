"""Networks as lists of operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hierevo.cell import Cell, CellNode
from hierevo.errors import UsageError, suggestion_for

MODELS = ("cifar-small", "cifar-large", "imagenet")
"""The three networks of Figure 2."""

# Widths of concatenations can grow exponentially; here the programs stop counting.
_WIDEST = ((1 << 63) - 1) // 4
_OWN_NUMBERS = {"cifar-small": (16, 1, 10), "cifar-large": (64, 2, 10), "imagenet": (64, 2, 1000)}


@dataclass(frozen=True)
class ModelSpec:
    """A network around a cell: `channels` is c0, `cells` is N, the number of cells a group."""

    model: str
    channels: int
    cells: int
    input_channels: int
    classes: int

    @property
    def image_size(self) -> int:
        """Height and width of the images that costs are given for."""
        return 299 if self.model == "imagenet" else 32

    def stages(self) -> Iterator[Stage]:
        """The cells in their order, each with the separable convolution behind it."""
        groups = 4 if self.model == "imagenet" else 3
        channels = self.channels
        for group in range(groups):
            cells = 1 if self.model == "imagenet" and group == 0 else self.cells
            for cell in range(cells):
                reduces = cell == cells - 1 and group < groups - 1
                separator_channels = 2 * channels if reduces else channels
                yield Stage(channels, separator_channels, 2 if reduces else 1)
                channels = separator_channels

    def stem(self) -> list[tuple[int, int]]:
        """Channels and stride of the 3×3 convolutions before the first cell."""
        if self.model == "imagenet":  # 299 → 150 → 75
            return [((self.channels + 1) // 2, 2), (self.channels, 2)]
        return [(self.channels, 1)]


class Stage(NamedTuple):
    """A cell of so many channels, and the separable convolution behind it."""

    channels: int
    separator_channels: int
    stride: int


def model_spec(
    model: str,
    channels: int | None = None,
    cells: int | None = None,
    input_channels: int = 3,
    classes: int | None = None,
) -> ModelSpec:
    """The model of this name; None is its own number. Raises UsageError."""
    if model not in MODELS:
        raise UsageError(f"There is no model '{model}'", "", suggestion_for(model, MODELS))
    given = (channels, cells, classes)
    own = _OWN_NUMBERS[model]
    used = [n if number is None else number for number, n in zip(given, own)]
    spec = ModelSpec(model, used[0], used[1], input_channels, used[2])
    for what, value, most in (
        ("channels", spec.channels, 1 << 16),
        ("cells a group", spec.cells, 100),
        ("input channels", spec.input_channels, 1 << 16),
        ("classes", spec.classes, 1 << 16),
    ):
        if not 1 <= value <= most:
            raise UsageError(f"A network with {value} {what}", f"it can have 1 to {most}")
    return spec


class PlanOp(NamedTuple):
    """One operation of a network.

    `kind` is "input", "conv", "depthwise", "separable", "maxpool", "avgpool", "concat",
    "global_average" or "linear"; operands are indices of earlier operations. Names are unique, and
    those of the weights begin with them. `channels` are those of the output.
    """

    kind: str
    operands: tuple[int, ...]
    name: str
    channels: int
    kernel: int = 1
    stride: int = 1


_KINDS = {
    "conv1x1": ("conv", 1),
    "depthwise3x3": ("depthwise", 3),
    "separable3x3": ("separable", 3),
    "maxpool3x3": ("maxpool", 3),
    "avgpool3x3": ("avgpool", 3),
    "concat": ("concat", 1),
}


def require_valid(cell: Cell) -> None:
    """Raises UsageError for a cell that computes nothing."""
    if not cell.valid:
        raise UsageError(
            "The cell is invalid",
            "its sink is not reached from its source, so it computes nothing",
            "Choose another genotype.",
        )


def node_width(node: CellNode, widths: list[int], channels: int) -> int:
    """Channels of a cell's node, given those of the nodes before it."""
    if node.kind in ("conv1x1", "separable3x3"):
        return channels
    return min(_WIDEST, sum(widths[operand] for operand in node.operands))


def make_plan(cell: Cell, spec: ModelSpec) -> list[PlanOp]:
    """The whole network as a list of operations in order; the last one gives the logits."""
    require_valid(cell)
    ops = [PlanOp("input", (), "input", spec.input_channels)]
    for index, (channels, stride) in enumerate(spec.stem()):
        ops.append(PlanOp("conv", (len(ops) - 1,), f"stem.{index}", channels, 3, stride))
    for index, stage in enumerate(spec.stages()):
        output = _add_cell(ops, cell, f"cells.{index}", stage.channels)
        name = f"separators.{index}"
        ops.append(PlanOp("separable", (output,), name, stage.separator_channels, 3, stage.stride))
    width = ops[-1].channels
    ops.append(PlanOp("global_average", (len(ops) - 1,), "pool", width))
    ops.append(PlanOp("linear", (len(ops) - 1,), "classifier", spec.classes))
    return ops


def _add_cell(ops: list[PlanOp], cell: Cell, name: str, channels: int) -> int:
    """Adds a cell behind the last operation; returns the operation that gives its output."""
    placed = [len(ops) - 1]
    widths = [ops[-1].channels]
    for node in cell.nodes[1:]:
        kind, kernel = _KINDS[node.kind]
        operands = tuple(placed[operand] for operand in node.operands)
        widths.append(node_width(node, widths, channels))
        placed.append(len(ops))
        ops.append(PlanOp(kind, operands, f"{name}.{node.path}", widths[-1], kernel))
    return placed[cell.output]
