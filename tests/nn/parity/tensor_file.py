"""Named tensors in a file that C++ reads and writes too (tensor_file.hpp): a line of JSON, a list
of [name, shape], then all numbers as float64 of this machine, in that order."""
import array
import json
import math

import torch


def write(path, tensors):
    with open(path, "wb") as file:
        index = [[name, list(tensor.shape)] for name, tensor in tensors.items()]
        file.write(json.dumps(index).encode() + b"\n")
        for tensor in tensors.values():
            array.array("d", tensor.detach().double().flatten().tolist()).tofile(file)


def read(path):
    tensors = {}
    with open(path, "rb") as file:
        for name, shape in json.loads(file.readline()):
            numbers = array.array("d")
            numbers.fromfile(file, math.prod(shape))
            tensors[name] = torch.tensor(numbers.tolist(), dtype=torch.float64).reshape(shape)
        if file.read(1):
            raise ValueError(f"{path} holds more than its index says")
    return tensors
