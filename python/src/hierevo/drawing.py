"""Drawings of graphs as SVG, readable on light and on dark pages."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hierevo.errors import UsageError
from hierevo.layered_layout import Layout, Place, layered_layout

LABELS = {
    "input": "input",
    "conv1x1": "conv 1×1",
    "depthwise3x3": "depthwise 3×3",
    "separable3x3": "separable 3×3",
    "maxpool3x3": "max-pool 3×3",
    "avgpool3x3": "avg-pool 3×3",
    "identity": "identity",
    "concat": "concat",
    "output": "output",
}
# Of boxes: all text stands in one, since the page may be light or dark.
_FILLS = {
    "conv1x1": "#b9d7f7",
    "depthwise3x3": "#bfe8cf",
    "separable3x3": "#f6d3a4",
    "maxpool3x3": "#f5c2c7",
    "avgpool3x3": "#f3e3a1",
    "concat": "#dccff2",
}
_PLAIN = "#e3e6ea"
_TEXT = "#1c232d"
_LINE = "#858d9a"
_ROUND = ("input", "output", "concat", "node")
_HEIGHT = 26.0
_LAYER = 62.0
_MARGIN = 8.0


class Drawing:
    """A drawing that notebooks show; `svg` is its text, to be written to a file."""

    def __init__(self, svg: str) -> None:
        """Takes the text of an SVG element."""
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg


class Box(NamedTuple):
    """A node of a drawn graph: its text, and the kind that gives it its colour.

    `operands` are the boxes that lead to it, by index, all of them before it; a `dead` one computes
    nothing that is used.
    """

    text: str
    kind: str
    operands: tuple[int, ...]
    dead: bool = False


class Panel(NamedTuple):
    """A part of a drawing: SVG elements, and the pixels that they take."""

    elements: str
    width: float
    height: float


def drawing_or_none(draw: Callable[[], Drawing]) -> str | None:
    """The SVG text for a notebook; None where there is no drawing."""
    try:
        return draw().svg
    except UsageError:
        return None


def drawing_of(panels: Iterable[Panel], title: str, widest: float = 1200.0) -> Drawing:
    """The panels beside each other, in rows."""
    x = y = row_height = width = 0.0
    parts = []
    for panel in panels:
        if x > 0 and x + panel.width > widest:
            x, y, row_height = 0.0, y + row_height + 4 * _MARGIN, 0.0
        parts.append(f'<g transform="translate({x:.1f} {y:.1f})">{panel.elements}</g>')
        x += panel.width
        width = max(width, x)
        row_height = max(row_height, panel.height)
        x += 4 * _MARGIN
    height = y + row_height
    return Drawing(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" style="max-width:100%;height:auto" role="img" '
        f'font-family="Helvetica,Arial,sans-serif" font-size="12" text-anchor="middle">'
        f"<title>{html.escape(title)}</title>{''.join(parts)}</svg>"
    )


def graph_panel(boxes: list[Box]) -> Panel:
    """A graph from top to bottom."""
    layout = layered_layout([box.operands for box in boxes], [_width(box) for box in boxes])
    left = min(place.x - place.width / 2 for place in layout.places()) - _MARGIN
    right = max(place.x + place.width / 2 for place in layout.places()) + _MARGIN
    for place in layout.places():
        place.x -= left
    shapes = [_shape(box, place) for box, place in zip(boxes, layout.nodes)]
    height = (layout.layers - 1) * _LAYER + _HEIGHT + 2 * _MARGIN
    return Panel("".join(_edges(layout, boxes) + shapes), right - left, height)


def _width(box: Box) -> float:
    return _HEIGHT if box.kind == "node" else 7.0 * len(box.text) + 16


def _shape(box: Box, place: Place) -> str:
    y = _y(place)
    radius = _HEIGHT / 2 if box.kind in _ROUND else 5
    return (
        f'<rect x="{place.x - place.width / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" '
        f'width="{place.width:.1f}" height="{_HEIGHT:.0f}" rx="{radius:.0f}" '
        f'fill="{_FILLS.get(box.kind, _PLAIN)}" stroke="{_LINE}"{_dash(box.dead)}/>'
        f'<text x="{place.x:.1f}" y="{y + 4:.1f}" fill="{_TEXT}">{html.escape(box.text)}</text>'
    )


def _dash(dead: bool) -> str:
    return ' stroke-dasharray="4 4"' if dead else ""


def _y(place: Place) -> float:
    return _MARGIN + _HEIGHT / 2 + place.layer * _LAYER


def _edges(layout: Layout, boxes: list[Box]) -> list[str]:
    routes = [route for routes in layout.routes for route in routes]
    dead = [box.dead or boxes[source].dead for box in boxes for source in box.operands]
    starts = _ports(routes, 0, 1)
    ends = _ports(routes, -1, -2)
    return [_edge(*edge) for edge in zip(routes, starts, ends, dead)]


def _ports(routes: list[list[Place]], end: int, next_to_it: int) -> list[float]:
    """Where each edge meets the box at its end, so that edges of one box do not lie on another."""
    of_box: dict[int, list[int]] = {}
    for index, route in enumerate(routes):
        of_box.setdefault(id(route[end]), []).append(index)
    ports = [0.0] * len(routes)
    for edges in of_box.values():
        edges.sort(key=lambda edge: routes[edge][next_to_it].x)
        place = routes[edges[0]][end]
        step = min(14.0, 0.8 * place.width / len(edges))
        for position, edge in enumerate(edges):
            ports[edge] = place.x + step * (position - (len(edges) - 1) / 2)
    return ports


def _edge(route: list[Place], start: float, end: float, dead: bool) -> str:
    """A line from the lower side of the first box to an arrow at the upper side of the last."""
    x, y = start, _y(route[0]) + _HEIGHT / 2
    path = f"M{x:.1f} {y:.1f}"
    tip = _y(route[-1]) - _HEIGHT / 2
    passed = [(place.x, _y(place) - _HEIGHT / 2, _y(place) + _HEIGHT / 2) for place in route[1:-1]]
    for next_x, top, bottom in [*passed, (end, tip - 5, tip - 5)]:
        bend = (top - y) / 2
        path += f"C{x:.1f} {y + bend:.1f} {next_x:.1f} {top - bend:.1f} {next_x:.1f} {top:.1f}"
        path += f"V{bottom:.1f}" if bottom > top else ""
        x, y = next_x, bottom
    return (
        f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.3"{_dash(dead)}/>'
        f'<path d="M{end - 4:.1f} {tip - 7:.1f}h8l-4 7z" fill="{_LINE}"/>'
    )
