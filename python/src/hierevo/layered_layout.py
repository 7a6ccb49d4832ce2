"""Layered drawings of directed acyclic graphs (Sugiyama, Tagawa, Toda 1981)."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

_GAP = 18.0
_EDGE_WIDTH = 10.0
_SWEEPS = 12


@dataclass
class Place:
    """Where a node is drawn, or where an edge passes a layer; `x` is its centre."""

    layer: int
    width: float
    x: float = 0.0
    above: list[Place] = field(default_factory=list, repr=False)
    below: list[Place] = field(default_factory=list, repr=False)


@dataclass
class Layout:
    """`nodes[i]` is where node i is drawn, `routes[i]` the places that each of its edges passes.

    An edge leads from `route[0]`, an operand's place, to `route[-1]`, that of the node.
    """

    nodes: list[Place]
    routes: list[list[list[Place]]]
    layers: int

    def places(self) -> list[Place]:
        """All places, of nodes and of edges."""
        passed = (place for routes in self.routes for route in routes for place in route[1:-1])
        return [*self.nodes, *passed]


def layered_layout(operands: Sequence[Sequence[int]], widths: Sequence[float]) -> Layout:
    """The layout of a graph, from top to bottom.

    `operands[i]` are the nodes that lead to node i, all of them before it; `widths` are in pixels.
    """
    numbers = _layers(operands)
    nodes = [Place(layer, width) for layer, width in zip(numbers, widths)]
    rows: list[list[Place]] = [[] for _ in range(max(numbers) + 1)]
    for node in nodes:
        rows[node.layer].append(node)
    routes = [
        [_route(nodes[j], node, rows) for j in sources] for node, sources in zip(nodes, operands)
    ]
    _order(rows)
    _set_coordinates(rows)
    return Layout(nodes, routes, len(rows))


def _layers(operands: Sequence[Sequence[int]]) -> list[int]:
    layers = [0] * len(operands)
    users: list[list[int]] = [[] for _ in operands]
    for node, sources in enumerate(operands):
        layers[node] = max((layers[source] + 1 for source in sources), default=0)
        for source in sources:
            users[source].append(node)
    # What is used more often than it uses has shorter edges further down.
    for node in range(len(operands) - 1, 0, -1):
        if len(users[node]) > len(operands[node]):
            layers[node] = min(layers[user] for user in users[node]) - 1
    return layers


def _route(source: Place, target: Place, rows: list[list[Place]]) -> list[Place]:
    """Adds a place in each layer that the edge passes."""
    passed = [Place(layer, _EDGE_WIDTH) for layer in range(source.layer + 1, target.layer)]
    for place in passed:
        rows[place.layer].append(place)
    route = [source, *passed, target]
    for upper, lower in zip(route, route[1:]):
        upper.below.append(lower)
        lower.above.append(upper)
    return route


def _order(rows: list[list[Place]]) -> None:
    """Few crossings, by sweeps that sort each layer by the mean position of its neighbours."""
    best = [list(row) for row in rows]
    fewest = _crossings(rows)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            _number(row)
            row.sort(key=lambda place: _mean(place.above if down else place.below, place.x))
            _number(row)
        crossings = _crossings(rows)
        if crossings < fewest:
            fewest = crossings
            best = [list(row) for row in rows]
    for row, ordered in zip(rows, best):
        row[:] = ordered


def _number(row: list[Place]) -> None:
    for position, place in enumerate(row):
        place.x = position / max(1, len(row) - 1)


def _mean(neighbours: list[Place], otherwise: float) -> float:
    if not neighbours:
        return otherwise
    return sum(place.x for place in neighbours) / len(neighbours)


def _crossings(rows: list[list[Place]]) -> int:
    """Edges between neighbouring layers that cross."""
    for row in rows:
        _number(row)
    crossings = 0
    for row in rows:
        ends: list[float] = []  # of the edges so far, in order
        for place in row:
            new = sorted(below.x for below in place.below)
            crossings += sum(len(ends) - bisect.bisect_right(ends, end) for end in new)
            for end in new:
                bisect.insort(ends, end)
    return crossings


def _set_coordinates(rows: list[list[Place]]) -> None:
    """Moves places towards the mean of their neighbours, without changing their order."""
    for row in rows:
        _spread(row, [0.0] * len(row))
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            _spread(row, [_mean(place.above if down else place.below, place.x) for place in row])
    for row in rows:
        _spread(row, [_mean(place.above + place.below, place.x) for place in row])


def _spread(row: list[Place], wanted: Sequence[float]) -> None:
    """Sets each x as near to the wanted one as the order and the gaps allow, by least squares."""
    offset = 0.0
    offsets = []
    for left, place in zip([None, *row], row):
        offset += 0.0 if left is None else (left.width + place.width) / 2 + _GAP
        offsets.append(offset)
    # Isotonic regression: neighbours that would overlap are joined to a block at their mean.
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, size = blocks.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
    positions = [mean for mean, count in blocks for _ in range(count)]
    for place, position, offset in zip(row, positions, offsets):
        place.x = position + offset
