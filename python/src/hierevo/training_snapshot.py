"""Networks in training or trained: `last.h5` and `best.h5` (io/FORMAT.md, "Training")."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hierevo.checksummed_file import read_checksummed
from hierevo.files import PathLike
from hierevo.h5_reading import Node, Unusable, opened_bytes
from hierevo.plan import MODELS
from hierevo.snapshot import check_format

Tensors = dict[str, npt.NDArray[np.float32]]

_LONGEST = 1 << 34
_VERSION = 1
_TENSOR_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True, eq=False)
class TrainingSnapshot:
    """A network at one moment of its training."""

    genotype: dict[str, Any]
    """The cell, as JSON (io/FORMAT.md, "Genotype")."""
    model: str
    """`cifar-small`, `cifar-large` or `imagenet`."""
    channels: int
    """c0 of the model."""
    cells: int
    """N of the model."""
    input_channels: int
    classes: int
    options: str = field(repr=False)
    """The options of the training, as the text of an INI file."""
    seed: int
    seconds: float
    """Time of training so far, over all starts."""
    top1: float
    """Share of correct answers of the best weights so far; 0 before a test."""
    best_step: int
    """Number of steps after which the weights were best; 0 before a test."""
    pixel_mean: npt.NDArray[np.float32]
    """[channels of images]. Inputs are (pixel - mean) * scale."""
    pixel_scale: npt.NDArray[np.float32]
    """[channels of images]."""
    losses: npt.NDArray[np.float64] = field(repr=False)
    """Mean loss of each completed step."""
    weights: Tensors = field(repr=False)
    """Parameters and running statistics by name, in the network's order."""
    momentum: Tensors = field(repr=False)
    average: Tensors = field(repr=False)
    """Running averages of `weights`; empty without `--ema-decay`."""

    @property
    def step(self) -> int:
        """Number of completed steps."""
        return len(self.losses)


def read_training_snapshot(path: PathLike) -> TrainingSnapshot:
    """Reads `last.h5`, `best.h5`, or a candidate's checkpoint, all of which goes into memory.

    Raises MissingFileError, NewerVersionError and FileError.
    """
    content = read_checksummed(path, "training", _LONGEST)
    with opened_bytes(content, path) as root:
        check_format(root, path, "hierevo.training", _VERSION)
        return _read_content(root)


def _read_content(root: Node) -> TrainingSnapshot:
    try:
        genotype = json.loads(root.text("genotype"))
    except (ValueError, RecursionError):
        genotype = None
    if not isinstance(genotype, dict):
        raise Unusable("its genotype is no JSON object")
    model = root.text("model")
    numbers = [
        int(root.attribute(name, "i4"))
        for name in ("channels", "cells", "input_channels", "classes")
    ]
    if model not in MODELS or min(numbers) < 1:
        raise Unusable("its model is impossible")
    channels, cells, input_channels, classes = numbers
    return TrainingSnapshot(
        genotype,
        model,
        channels,
        cells,
        input_channels,
        classes,
        options=root.text("options"),
        seed=int(root.attribute("seed", "u8")),
        seconds=root.attribute("seconds", "f8"),
        top1=root.attribute("top1", "f8"),
        best_step=int(root.attribute("best_step", "i8")),
        pixel_mean=root.array("pixel_mean", "f4", rows=input_channels),
        pixel_scale=root.array("pixel_scale", "f4", rows=input_channels),
        losses=root.array("losses", "f8"),
        weights=_read_tensors(root, "weights"),
        momentum=_read_tensors(root, "momentum"),
        average=_read_tensors(root, "average"),
    )


def _read_tensors(root: Node, name: str) -> Tensors:
    names = root.texts(f"{name}_order")
    if len(set(names)) < len(names):
        raise Unusable(f"/{name}_order has a name twice")
    group = root.group(name)
    tensors: Tensors = {}
    for one in names:
        if not _TENSOR_NAME.fullmatch(one):
            raise Unusable(f"a tensor is called {one[:80]!r}")
        tensors[one] = group.any_array(one, "f4")
    return tensors
