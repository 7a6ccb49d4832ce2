"""The weights in files of trainings."""

from __future__ import annotations

import os
from typing import NoReturn

import torch

from hierevo.errors import FileError, UsageError
from hierevo.genotype import Genotype
from hierevo.plan import model_spec
from hierevo.torch.network_module import Network
from hierevo.training_snapshot import Tensors, TrainingSnapshot, read_training_snapshot


def load_network(path: str | os.PathLike[str]) -> Network:
    """The network of a training's file, `OUT/repeat-K/best.h5` or `last.h5`, in evaluation mode.

    Everything that it is made of is in the file. Raises as read_training_snapshot().
    """
    snapshot = read_training_snapshot(path)
    try:
        network = _network_of(snapshot)
        _set_weights(network, snapshot, path)
    except UsageError as error:
        raise FileError(path, f"it contradicts itself ({error})") from error
    network.eval()
    return network


def load_weights(network: Network, path: str | os.PathLike[str]) -> None:
    """Sets the network's weights, `pixel_mean` and `pixel_scale` to those of a training's file.

    The weights are those that the training tests: the running averages where it keeps such
    (`--ema-decay`). Raises UsageError where they are those of another network: names and shapes
    must be exactly those of the network, which otherwise stays as it is. Raises as
    read_training_snapshot() where the file is none of a training, or cannot be read.
    """
    _set_weights(network, read_training_snapshot(path), path)


def _network_of(snapshot: TrainingSnapshot) -> Network:
    spec = model_spec(
        snapshot.model,
        snapshot.channels,
        snapshot.cells,
        snapshot.input_channels,
        snapshot.classes,
    )
    return Network(Genotype.from_json(snapshot.genotype), spec)


def _set_weights(
    network: Network, snapshot: TrainingSnapshot, path: str | os.PathLike[str]
) -> None:
    weights: Tensors = snapshot.average or snapshot.weights
    own = network.state_dict()
    for name in [*own, *weights]:
        if name not in weights:
            _refuse(path, f"it has no '{name}'")
        if name not in own:
            _refuse(path, f"it has a '{name}' too many")
    for name in own:
        given, wanted = weights[name].shape, tuple(own[name].shape)
        if given != wanted:
            _refuse(path, f"the shape of '{name}' is {given}, not {wanted}")
    if snapshot.input_channels != network.spec.input_channels:
        _refuse(path, f"its images have {snapshot.input_channels} channels")
    pixels = {
        network.pixel_mean: snapshot.pixel_mean,
        network.pixel_scale: snapshot.pixel_scale,
    }
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(torch.from_numpy(weights[name]))
        for tensor, values in pixels.items():
            tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))


def _refuse(path: str | os.PathLike[str], why: str) -> NoReturn:
    raise UsageError(
        f"'{os.fspath(path)}' has the weights of another network",
        why,
        "Make the network with the genotype, model and numbers of the training, or use "
        "load_network().",
    )
