"""Drawings of cells and of the motifs that they consist of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hierevo.drawing import LABELS, Box, Drawing, drawing_of, graph_panel
from hierevo.errors import UsageError
from hierevo.live_edges import LiveEdges
from hierevo.search_space import PRIMITIVES, edge_index

if TYPE_CHECKING:
    from hierevo.cell import Cell
    from hierevo.genotype import Genotype

_MOST_NODES = 1000


def draw_cell(cell: Cell) -> Drawing:
    """The cell from its input at the top to its output at the bottom."""
    _require_drawable(cell.valid, len(cell.nodes))
    boxes = [Box(LABELS[node.kind], node.kind, node.operands) for node in cell.nodes]
    boxes.append(Box(LABELS["output"], "output", (cell.output,)))
    return drawing_of([graph_panel(boxes)], "The assembled cell")


def draw_motifs(genotype: Genotype) -> Drawing:
    """All motifs that the cell uses, the top level first; edges that are not live are dashed."""
    live = LiveEdges(genotype)
    used = live.used()
    top = genotype.space.top_level
    edges = sum(len(motifs) * genotype.space.level(level).edges for level, motifs in used.items())
    _require_drawable(live.reached(top, 0), edges)
    panels = [
        graph_panel(_motif_boxes(genotype, level, motif, live.of(level, motif)))
        for level in range(top, 1, -1)
        for motif in used[level]
    ]
    return drawing_of(panels, "The motifs of the cell")


def _motif_boxes(genotype: Genotype, level: int, motif: int, live: frozenset[int]) -> list[Box]:
    """A circle for each node and a box for each edge between them."""
    genes = genotype.motif(level, motif)
    top = level == genotype.space.top_level
    boxes = [Box("cell" if top else f"level {level}, motif {motif + 1}", "input", ())]
    circles = [1]
    boxes.append(Box("1", "node", (0,)))
    for i in range(1, genotype.space.level(level).nodes):
        into = []
        for j in range(i):
            edge = edge_index(i, j)
            if genes[edge] == 0:
                continue
            kind = PRIMITIVES[genes[edge] - 1] if level == 2 else "motif"
            text = LABELS[kind] if level == 2 else f"motif {genes[edge]}"
            into.append(len(boxes))
            boxes.append(Box(text, kind, (circles[j],), dead=edge not in live))
        circles.append(len(boxes))
        boxes.append(Box(str(i + 1), "node", tuple(into)))
    return boxes


def _require_drawable(valid: bool, nodes: int) -> None:
    if not valid:
        raise UsageError(
            "The cell is invalid",
            "its sink is not reached from its source",
            "Choose another genotype.",
        )
    if nodes > _MOST_NODES:
        raise UsageError(
            f"The drawing would have {nodes} operations",
            f"of more than {_MOST_NODES} nothing could be seen",
        )
