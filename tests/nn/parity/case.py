"""A network to train for a few steps, in Python (network.py) and in C++ (train_case.cpp)."""
import json
import os
import subprocess

import torch

import tensor_file
from network import Genotype, Network

TRAIN_CASE = os.environ["HIEREVO_TRAIN_CASE"]
BATCH = 8
SGD = {"learning_rate": 0.002, "momentum": 0.9, "weight_decay": 3e-4}
IMAGE_SIZE = {"cifar-small": (12, 12), "cifar-large": (11, 13), "imagenet": (40, 37)}


def executor_name(name):
    """The contract of names: the one of the C++ executor (torch_executor.hpp) for a name of
    network.py. Both call an edge j→i "j-i", and its weights after the edges that lead to it.
    network.py has a module of its own for the convolution where the executor has none. Channels of
    a concatenation are in the order of the predecessors in both, so weights need no reordering."""
    return name.replace(".conv.weight", ".weight")


def state_of(network):
    """All weights and running statistics by the executor's names."""
    return {executor_name(name): tensor for name, tensor in network.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def initial(name, tensor, random):
    """No 0 or 1 anywhere, behind which a mistake could hide."""
    noise = torch.randn(tensor.shape, generator=random)
    if name.endswith((".bn.weight", ".running_var")):
        return 1 + 0.5 * torch.tanh(noise)
    if tensor.dim() == 1:
        return 0.2 * noise
    return noise * (2 / tensor[0].numel()) ** 0.5


class Case:
    """A network around a genotype, its initial weights and `steps` batches. All numbers are ones
    that float32 has, so that both types begin with the same.

    Training returns these tensors: "losses" of all steps; the "logits/" of the first batch in
    evaluation mode, "initial", after the "first" step and when "trained"; every "gradient/NAME" of
    the first step; every running statistic after it, "first/NAME"; everything at the end,
    "trained/NAME".
    """

    def __init__(self, genotype, spec, seed, steps):
        self.given = {"genotype": genotype, **spec, **SGD}
        self.steps = steps
        self.network = Network(Genotype(genotype), **spec)
        random = torch.Generator().manual_seed(seed)
        self.tensors = {name: initial(name, tensor, random)
                        for name, tensor in state_of(self.network).items()}
        shape = (steps, BATCH, spec["input_channels"], *IMAGE_SIZE[spec["model"]])
        self.tensors["images"] = torch.randn(shape, generator=random)
        self.tensors["labels"] = torch.randint(spec["classes"], shape[:2], generator=random)

    def train(self, dtype, layout=torch.contiguous_format):
        """Trains in Python."""
        network = self.network.to(dtype, memory_format=layout)
        for name, tensor in state_of(network).items():
            tensor.copy_(self.tensors[name])
        images = [batch.to(dtype, memory_format=layout) for batch in self.tensors["images"]]
        sgd = torch.optim.SGD(network.parameters(), SGD["learning_rate"], SGD["momentum"],
                              weight_decay=SGD["weight_decay"])
        losses = []
        result = {"logits/initial": self.logits(images[0])}
        for step in range(self.steps):
            network.train()
            sgd.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images[step]),
                                                     self.tensors["labels"][step])
            loss.backward()
            losses.append(loss.detach())
            if step == 0:
                result |= self.after_first_backward()
            sgd.step()
            if step == 0:
                result["logits/first"] = self.logits(images[0])
        result |= {"losses": torch.stack(losses), "logits/trained": self.logits(images[0])}
        result |= {"trained/" + name: tensor for name, tensor in state_of(network).items()}
        return {name: tensor.double() for name, tensor in result.items()}

    def after_first_backward(self):
        gradients = {"gradient/" + executor_name(name): parameter.grad.clone()
                     for name, parameter in self.network.named_parameters()}
        return gradients | {"first/" + name: tensor.clone()
                            for name, tensor in state_of(self.network).items()
                            if ".running_" in name}

    def logits(self, images):
        self.network.eval()
        with torch.no_grad():
            return self.network(images)

    def start_cpp(self, folder, executor):
        """Starts training in C++; call what this returns for the result."""
        given, tensors, result = (folder / name for name in ("case.json", "tensors", executor))
        given.write_text(json.dumps(self.given))
        tensor_file.write(tensors, self.tensors)
        process = subprocess.Popen([TRAIN_CASE, given, tensors, result, executor],
                                   stderr=subprocess.PIPE, text=True)

        def finish():
            problem = process.communicate(timeout=300)[1]
            if process.returncode != 0:
                raise AssertionError(f"train_case: {problem}")
            return tensor_file.read(result)
        return finish

    def train_everywhere(self, folder, types):
        """What training returns in (program, type), at the same time in Python and in C++. In float32
        Python trains twice, for the layout of images in memory changes the rounding, and so does C++,
        which has two executors."""
        running = {("C++", name): self.start_cpp(folder, name) for name in types}
        if "float32" in types:
            running["C++ native", "float32"] = self.start_cpp(folder, "native")
        results = {("Python", name): self.train(getattr(torch, name)) for name in types}
        if "float32" in types:
            results["Python channels last", "float32"] = self.train(torch.float32,
                                                                    torch.channels_last)
        return results | {key: finish() for key, finish in running.items()}
