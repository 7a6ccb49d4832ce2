r"""Classification of Fashion-MNIST, or any images in its format, trained in plain PyTorch.

hierevo search --run fashion --workers 2 --population 10 --evaluations 40 \
    --evaluator server --command 'python3 classification.py --images 5000 --steps 100'
"""

from __future__ import annotations

import argparse
import gzip
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

import hierevo
import hierevo.torch

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=pathlib.Path, default="/usr/share/datasets/fashion-mnist")
parser.add_argument("--images", type=int, default=50000, help="to train with")
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--channels", type=int, default=8)
options = parser.parse_args()
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if device.type == "cpu":
    torch.set_num_threads(1)  # each evaluator has a core


def idx_file(name: str, header: int) -> torch.Tensor:
    """The bytes of a file behind its header."""
    with gzip.open(options.data / name) as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=header).copy())


pixels = idx_file("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28).float() / 128 - 1
classes = idx_file("train-labels-idx1-ubyte.gz", 8).long()
validation = slice(50000, 50000 + min(options.images, 10000))
training_images = min(options.images, 50000)


def evaluate(candidate: hierevo.Candidate, report: hierevo.Report) -> float:
    """The accuracy after a short training."""
    candidate.seed_all()
    net = hierevo.torch.network(
        candidate.genotype, channels=options.channels, input_channels=1, classes=10
    ).to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=3e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    parts = {"net": net, "optimizer": optimizer, "schedule": schedule}
    done = 0
    if path := candidate.saved("state.pt"):
        state = torch.load(path, map_location=device)
        done = state.pop("done")
        for name, part in parts.items():
            part.load_state_dict(state[name])

    def save() -> None:
        with candidate.saving("state.pt") as path:
            torch.save({"done": done, **{n: part.state_dict() for n, part in parts.items()}}, path)

    while done < options.steps:
        random = torch.Generator().manual_seed((candidate.seed + done) % 2**63)
        batch = torch.randint(training_images, (options.batch,), generator=random)
        loss = 0.0
        for part in batch.chunk(candidate.memory_parts):  # smaller where memory was short
            logits = net(pixels[part].to(device))
            share = F.cross_entropy(logits, classes[part].to(device)) * len(part) / len(batch)
            share.backward()
            loss += share.item()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        done += 1
        report(step=done, steps=options.steps, loss=loss, save=save)

    net.eval()
    with torch.no_grad():
        images = zip(pixels[validation].split(500), classes[validation].split(500))
        right = [(net(x.to(device)).argmax(1).cpu() == y).float() for x, y in images]
    return torch.cat(right).mean().item()


hierevo.serve(evaluate)
