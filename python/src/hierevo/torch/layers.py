"""The layers of cells and networks, with weights named as in the files of trainings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that does not count batches, as files of trainings have no such count."""

    def __init__(self, channels: int) -> None:
        """Of so many channels."""
        super().__init__(channels, eps=1e-5, momentum=0.1)
        self.num_batches_tracked = None

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Mapping[str, Any], *others: Any
    ) -> None:
        # To a dictionary without PyTorch's version numbers, PyTorch would add the count.
        super()._load_from_state_dict(state_dict, prefix, {**local_metadata, "version": 2}, *others)


class Conv(nn.Conv2d):
    """Convolution, batch normalisation, ReLU: [N, C, H, W] to [N, channels, H, W] by stride 1.

    With `groups` equal to its input's channels it is a depthwise convolution.
    """

    def __init__(
        self, width: int, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        """Of `width` input channels."""
        super().__init__(
            width, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = BatchNorm(channels)
        start_weight(self.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Computes it."""
        return F.relu(self.bn(super().forward(x)), inplace=True)


class SeparableConv(nn.Module):
    """3×3 depthwise and 1×1 convolution, batch normalisation, ReLU."""

    def __init__(self, width: int, channels: int, stride: int = 1) -> None:
        """Of `width` input channels."""
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, stride, padding=1, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, channels, 1, bias=False)
        self.bn = BatchNorm(channels)
        start_weight(self.depthwise.weight)
        start_weight(self.pointwise.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Computes it."""
        return F.relu(self.bn(self.pointwise(self.depthwise(x))), inplace=True)


def start_weight(weight: torch.Tensor) -> None:
    """Draws He normal weights by fan-in (He et al. 2015), as trainings of the programs begin.

    Biases start at 0, batch normalisation at 1 and 0.
    """
    with torch.no_grad():
        weight.normal_(0.0, (2.0 / weight[0].numel()) ** 0.5)
