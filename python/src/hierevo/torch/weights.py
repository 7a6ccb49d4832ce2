"""The weights in files of trainings."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import h5py
import numpy as np
import torch

from hierevo.checksums import crc32c
from hierevo.genotype import Genotype
from hierevo.plan import model_spec
from hierevo.torch.network_module import Network
from hierevo.usage_error import UsageError

_HEADER_BYTES = 512
_HEADER = re.compile(rb"hierevo training 1\nbytes ([0-9]{1,18})\ncrc32c ([0-9a-f]{8})\n\0*")
_VERSION = 1


def load_network(path: str | os.PathLike[str]) -> Network:
    """The network of a training's file, `OUT/repeat-K/best.h5` or `last.h5`, in evaluation mode.

    Everything that it is made of is in the file. Raises as load_weights().
    """
    with _training(path) as training:
        genotype = Genotype.from_json(training.attribute("genotype", str))
        numbers = {
            name: training.attribute(name, np.integer)
            for name in ("channels", "cells", "input_channels", "classes")
        }
        spec = model_spec(training.attribute("model", str), **numbers)
        network = Network(genotype, spec)
        _set_weights(network, training)
    network.eval()
    return network


def load_weights(network: Network, path: str | os.PathLike[str]) -> None:
    """Sets the network's weights, `pixel_mean` and `pixel_scale` to those of a training's file.

    The weights are those that the training tests: the running averages where it keeps such
    (`--ema-decay`). Raises UsageError where the file is not a training's, or of another network:
    names and shapes must be exactly those of the network, which otherwise stays as it is. Raises
    OSError where the file cannot be read.
    """
    with _training(path) as training:
        _set_weights(network, training)


def _set_weights(network: Network, training: _Training) -> None:
    own = network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    pixels = {"pixel_mean": network.pixel_mean, "pixel_scale": network.pixel_scale}
    averages = training.group("average")
    weights = training.tensors(averages or training.group("weights"), shapes)
    rows = dict.fromkeys(pixels, (network.spec.input_channels,))
    beside = training.tensors({name: training.member(name) for name in rows}, rows)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(torch.from_numpy(weights[name]))
        for name, tensor in pixels.items():
            tensor.copy_(torch.from_numpy(beside[name]).reshape(tensor.shape))


@contextlib.contextmanager
def _training(path: str | os.PathLike[str]) -> Iterator[_Training]:
    content = io.BytesIO(_checked_content(path))
    try:
        file = h5py.File(content, "r")
    except OSError as error:
        _refuse(path, str(error))
    with file:
        training = _Training(file, path)
        if training.attribute("format", str) != "hierevo.training":
            _refuse(path, "its format is another")
        version = training.attribute("version", np.integer)
        if version != _VERSION:
            _refuse(path, f"its version {version} is not known here")
        yield training


def _checked_content(path: str | os.PathLike[str]) -> bytes:
    """The file, as it is at one moment, without its header."""
    with open(path, "rb") as file:
        header = _HEADER.fullmatch(file.read(_HEADER_BYTES))
        if header is None:
            _refuse(path, "it does not begin with the header of one")
        size = os.fstat(file.fileno()).st_size - _HEADER_BYTES
        if size != int(header[1]):
            _refuse(path, f"it should have {int(header[1])} bytes after its header, and has {size}")
        content = file.read()
    if crc32c(content) != int(header[2], 16):
        _refuse(path, "it is damaged: its checksum is wrong")
    return content


def _refuse(path: str | os.PathLike[str], why: str) -> NoReturn:
    raise UsageError(
        f"'{os.fspath(path)}' cannot be used as a training",
        why,
        "Give OUT/repeat-K/best.h5 or last.h5 of hierevo train.",
    ) from None


class _Training:
    """An open file, of which nothing is believed before it was checked."""

    def __init__(self, file: h5py.File, path: str | os.PathLike[str]) -> None:
        self._file = file
        self._path = path

    def attribute(self, name: str, kind: type[Any]) -> Any:
        value: Any = self._file.attrs.get(name)
        if not isinstance(value, kind):
            _refuse(self._path, f"its attribute '{name}' is missing or of another type")
        return value if kind is str else int(value)

    def member(self, name: str, of: h5py.Group | None = None) -> Any:
        holder = self._file if of is None else of
        # A link to another file would be followed.
        if not isinstance(holder.get(name, getlink=True), h5py.HardLink):
            _refuse(self._path, f"'{name}' is missing or a link")
        return holder[name]

    def group(self, name: str) -> dict[str, Any]:
        found = self.member(name)
        if not isinstance(found, h5py.Group):
            _refuse(self._path, f"'{name}' is not a group")
        return {name: self.member(name, found) for name in found}

    def tensors(
        self, found: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """The values of exactly the tensors that have a shape here."""
        for name in [*shapes, *found]:
            if name not in found:
                self._refuse_weights(f"it has no '{name}'")
            if name not in shapes:
                self._refuse_weights(f"it has a '{name}' too many")
        for name, shape in shapes.items():
            stored = found[name]
            plain = isinstance(stored, h5py.Dataset) and not (stored.is_virtual or stored.external)
            if not plain or (stored.dtype.kind, stored.dtype.itemsize) != ("f", 4):
                _refuse(self._path, f"'{name}' is not of float32")
            if stored.shape != shape:
                self._refuse_weights(f"the shape of '{name}' is {stored.shape}, not {shape}")
        return {name: found[name][...].astype(np.float32) for name in shapes}

    def _refuse_weights(self, why: str) -> NoReturn:
        raise UsageError(
            f"'{os.fspath(self._path)}' has the weights of another network",
            why,
            "Make the network with the genotype, model and numbers of the training, or use "
            "load_network().",
        )
