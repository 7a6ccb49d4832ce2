r"""Segmentation: which pixels are a disc's, which a square's. The cell is in a network of our own.

hierevo search --run shapes --workers 2 --population 10 --evaluations 40 \
    --evaluator server --command 'python3 segmentation.py --steps 100'
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import nn
from torch.nn import functional as F

import hierevo
import hierevo.torch

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--channels", type=int, default=8)
options = parser.parse_args()
torch.set_num_threads(1)


def shapes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy images [count, 1, 24, 24] of a disc and a square, and the class of each pixel."""
    random = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    x0, y0, x1, y1 = (4 + 16 * torch.rand((count, 4), generator=random)).unbind(1)
    radius = 3 + 3 * torch.rand(count, generator=random)

    def away(x_of: torch.Tensor, y_of: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (x - x_of[:, None, None]).abs(), (y - y_of[:, None, None]).abs()

    classes = torch.zeros((count, 24, 24), dtype=torch.long)
    classes[torch.hypot(*away(x0, y0)) < radius[:, None, None]] = 1
    classes[torch.maximum(*away(x1, y1)) < radius[:, None, None]] = 2
    noise = torch.randn((count, 1, 24, 24), generator=random)
    return (classes[:, None] > 0) + 0.5 * noise, classes


class Segmenter(nn.Module):
    """Two of the cells at full resolution, and a class for each pixel."""

    def __init__(self, genotype: hierevo.Genotype, channels: int) -> None:
        """With `channels` inside the cells."""
        super().__init__()
        first = hierevo.torch.cell(genotype, channels)
        second = hierevo.torch.cell(genotype, channels)
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 5, padding=2),
            first,
            nn.Conv2d(first.out_channels, channels, 1),
            second,
            nn.Conv2d(second.out_channels, 3, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images [N, 1, H, W] to logits [N, 3, H, W]."""
        return self.layers(x)


held_out, truth = shapes(200, seed=1)


def evaluate(candidate: hierevo.Candidate, report: hierevo.Report) -> hierevo.Result:
    """The intersection over union, the mean of the classes, and the time of a prediction."""
    candidate.seed_all()
    net = Segmenter(candidate.genotype, options.channels)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for step in range(options.steps):
        images, classes = shapes(16, seed=2 + step)
        loss = F.cross_entropy(net(images), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(step=step + 1, steps=options.steps, loss=loss.item())
    net.eval()
    with torch.no_grad():
        begun = time.perf_counter()
        found = net(held_out).argmax(1)
        latency = (time.perf_counter() - begun) / len(held_out)
    both = [((found == c) & (truth == c)).sum() for c in range(3)]
    either = [((found == c) | (truth == c)).sum() for c in range(3)]
    iou = sum(b / e for b, e in zip(both, either)) / 3
    return hierevo.Result(fitness=iou, loss=loss.item(), metrics={"latency": latency})


hierevo.serve(evaluate)
