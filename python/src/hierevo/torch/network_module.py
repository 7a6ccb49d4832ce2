"""The paper's networks (Figure 2) as PyTorch modules."""

from __future__ import annotations

import torch
from torch import nn

from hierevo.genotype import Genotype
from hierevo.plan import ModelSpec, model_spec
from hierevo.torch.cell_module import CellModule
from hierevo.torch.layers import Conv, SeparableConv, start_weight


class Network(nn.Module):
    """A network around a cell: images [N, input channels, H, W] to logits [N, classes].

    Its parameters and buffers have the names that files of trainings have. `genotype` and `spec`
    say what it is; `cells[i]` is a CellModule. Two buffers more, `pixel_mean` and `pixel_scale`
    [input channels, 1, 1], are no part of the state dictionary.
    """

    pixel_mean: torch.Tensor
    pixel_scale: torch.Tensor

    def __init__(self, genotype: Genotype, spec: ModelSpec) -> None:
        """Use network()."""
        super().__init__()
        self.genotype = genotype
        self.spec = spec
        graph = genotype.assemble()
        self.stem = nn.ModuleList()
        self.cells = nn.ModuleList()
        self.separators = nn.ModuleList()
        width = spec.input_channels
        for channels, stride in spec.stem():
            self.stem.append(Conv(width, channels, kernel=3, stride=stride))
            width = channels
        for stage in spec.stages():
            cell = CellModule(graph, width, stage.channels)
            self.cells.append(cell)
            width = stage.separator_channels
            self.separators.append(SeparableConv(cell.out_channels, width, stage.stride))
        self.classifier = nn.Linear(width, spec.classes)
        start_weight(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)
        shape = (spec.input_channels, 1, 1)
        self.register_buffer("pixel_mean", torch.zeros(shape), persistent=False)
        self.register_buffer("pixel_scale", torch.ones(shape), persistent=False)

    def preprocess(self, pixels: torch.Tensor) -> torch.Tensor:
        """Images [N, C, H, W] with values of 0 to 255 as the network was trained on them.

        That is (pixels - pixel_mean) · pixel_scale, which load_weights() sets.
        """
        return (pixels.to(self.pixel_mean.dtype) - self.pixel_mean) * self.pixel_scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Computes the logits of images that preprocess() has made."""
        for conv in self.stem:
            x = conv(x)
        for cell, separator in zip(self.cells, self.separators):
            x = separator(cell(x))
        logits: torch.Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


def network(
    genotype: Genotype,
    model: str = "cifar-small",
    *,
    channels: int | None = None,
    cells: int | None = None,
    input_channels: int = 3,
    classes: int | None = None,
) -> Network:
    """The network around the genotype's cell.

    `model` is "cifar-small", "cifar-large" or "imagenet" (Figure 2), `channels` c0, `cells` the
    cells of a group; None is the model's own number. Weights start as in trainings of the programs:
    He normal, from PyTorch's own generator (`torch.manual_seed`). Raises UsageError for an invalid
    cell, or an impossible number.
    """
    return Network(genotype, model_spec(model, channels, cells, input_channels, classes))
