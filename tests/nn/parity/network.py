"""The paper's networks in plain PyTorch, for the C++ ones to be compared with.

Written from the paper (section 2 for the cell, Figure 2 and section 4 for the networks) by
recursion over motifs, with none of the C++ in mind: no list of operations, no inlined cell. Nodes,
motifs and levels count as in the paper. docs/method.md, "Faithful to the paper", has the readings.
"""
import torch
from torch import nn


class Genotype:
    """A genotype as its JSON form (io/FORMAT.md) has it."""

    def __init__(self, document):
        self.levels = {level["level"]: level for level in document["levels"]}
        self.top = max(self.levels)

    def edges(self, level, motif):
        """The operation of every edge (predecessor, successor), successors in ascending order."""
        graph = self.levels[level]
        pairs = [(j, i) for i in range(2, graph["nodes"] + 1) for j in range(1, i)]
        return dict(zip(pairs, graph["motifs"][motif - 1], strict=True))

    def computes(self, level, operation):
        """Whether an edge of `level` that carries `operation` has an output: a motif does
        when its source reaches its sink."""
        if operation == "none" or level == 2:
            return operation != "none"
        return bool(self.live_edges(level - 1, operation))

    def live_edges(self, level, motif):
        """The edges on a path from source to sink; none when there is no path."""
        edges = {edge: operation for edge, operation in self.edges(level, motif).items()
                 if self.computes(level, operation)}
        reached = {1}
        for j, i in edges:
            if j in reached:
                reached.add(i)
        wanted = {self.levels[level]["nodes"]}
        for j, i in reversed(edges):
            if i in wanted:
                wanted.add(j)
        return {(j, i): operation for (j, i), operation in edges.items()
                if j in reached and i in wanted}


class Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU. `width` is the input's, `self.width` the output's,
    here and in all modules below."""

    def __init__(self, width, channels, kernel=1, stride=1, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(width, channels, kernel, stride, padding=kernel // 2, groups=groups,
                              bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.width = channels

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Separable(nn.Module):
    def __init__(self, width, channels, stride=1):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, stride, padding=1, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.width = channels

    def forward(self, x):
        return torch.relu(self.bn(self.pointwise(self.depthwise(x))))


class Weightless(nn.Module):
    def __init__(self, width, function):
        super().__init__()
        self.function = function
        self.width = width

    def forward(self, x):
        return self.function(x)


def primitive(name, width, channels):
    if name == "conv1x1":
        return Convolution(width, channels)
    if name == "depthwise3x3":
        return Convolution(width, width, kernel=3, groups=width)
    if name == "separable3x3":
        return Separable(width, channels)
    return Weightless(width, {
        "maxpool3x3": nn.MaxPool2d(3, stride=1, padding=1),
        "avgpool3x3": nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        "identity": nn.Identity()}[name])


class Motif(nn.Module):
    """assemble(G, O) of section 2: node i is the concatenation of op(node j) over its edges j→i."""

    def __init__(self, genotype, level, motif, width, channels):
        super().__init__()
        self.edges = list(genotype.live_edges(level, motif))
        if not self.edges:
            raise ValueError("the source does not reach the sink")
        widths = {1: width}
        for (j, i), operation in genotype.live_edges(level, motif).items():
            module = (primitive(operation, widths[j], channels) if level == 2 else
                      Motif(genotype, level - 1, operation, widths[j], channels))
            self.add_module(f"{j}-{i}", module)
            widths[i] = widths.get(i, 0) + module.width
        self.width = widths[genotype.levels[level]["nodes"]]
        self.out = None
        if level == 2 and genotype.top > 2:
            self.out = Convolution(self.width, channels)
            self.width = channels

    def forward(self, x):
        parts = {1: [x]}
        for j, i in self.edges:
            operation = self.get_submodule(f"{j}-{i}")
            parts.setdefault(i, []).append(operation(torch.cat(parts[j], 1)))
        sink = torch.cat(parts[self.edges[-1][1]], 1)
        return sink if self.out is None else self.out(sink)


class Network(nn.Module):
    """The networks of Figure 2: "cifar-small", "cifar-large", "imagenet"."""

    def __init__(self, genotype, model, channels, cells, input_channels, classes):
        super().__init__()
        if model == "imagenet":
            self.stem = nn.Sequential(Convolution(input_channels, channels // 2, 3, stride=2),
                                      Convolution(channels // 2, channels, 3, stride=2))
            groups = [1, cells, cells, cells]
        else:
            self.stem = nn.Sequential(Convolution(input_channels, channels, 3))
            groups = [cells, cells, cells]
        self.cells = nn.ModuleList()
        self.separators = nn.ModuleList()
        width = channels
        for group, count in enumerate(groups, 1):
            for number in range(1, count + 1):
                reduces = number == count and group < len(groups)
                self.cells.append(Motif(genotype, genotype.top, 1, width, channels))
                if reduces:
                    channels *= 2
                self.separators.append(
                    Separable(self.cells[-1].width, channels, stride=2 if reduces else 1))
                width = channels
        self.classifier = nn.Linear(width, classes)

    def forward(self, x):
        x = self.stem(x)
        for cell, separator in zip(self.cells, self.separators):
            x = separator(cell(x))
        return self.classifier(x.mean((2, 3)))


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters())
