"""Cells: genotypes with their motifs inlined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hierevo.cell_drawing import draw_cell
from hierevo.drawing import Drawing, drawing_or_none
from hierevo.live_edges import LiveEdges
from hierevo.search_space import PRIMITIVES, edge_index

if TYPE_CHECKING:
    from hierevo.genotype import Genotype

CONVOLUTIONS = ("conv1x1", "depthwise3x3", "separable3x3")
"""The kinds of nodes that have weights."""


class CellNode(NamedTuple):
    """One node of an assembled cell.

    `kind` is "input", "concat" or a primitive but the identity; `operands` are indices of earlier
    nodes: none for the input, two or more for a concatenation (of channels, in this order), one for
    everything else. `path` says where it stands in the genotype, nodes counted from 1 as in the
    paper: "1-3.2-4" is edge 2→4 of the motif on the cell's edge 1→3, "1-3.out" the 1×1 convolution
    behind that motif.
    """

    kind: str
    operands: tuple[int, ...]
    path: str


@dataclass(frozen=True)
class Cell:
    """A cell with its motifs inlined.

    It has no identities, dead edges or unused motifs, and pools of the same input only once.
    `nodes` are in topological order, node 0 is the input, `output` the index of the last. A cell
    whose sink is not reached from its source is invalid and has no nodes.
    """

    nodes: tuple[CellNode, ...] = ()
    output: int = 0

    @property
    def valid(self) -> bool:
        """Whether the cell computes anything."""
        return bool(self.nodes)

    def draw(self) -> Drawing:
        """A drawing of it. Raises UsageError when it is invalid or too large to be drawn."""
        return draw_cell(self)

    def _repr_svg_(self) -> str | None:
        return drawing_or_none(self.draw)


def assemble(genotype: Genotype) -> Cell:
    """The function of the top motif (section 2.1), inlined along live edges only.

    Each level-2 motif of a hierarchical space is followed by a 1×1 convolution; the flat cell is
    not.
    """
    return _Assembler(genotype).assemble()


class _Assembler:
    def __init__(self, genotype: Genotype) -> None:
        self._genotype = genotype
        self._space = genotype.space
        self._live = LiveEdges(genotype)
        self._nodes: list[CellNode] = []
        self._weightless: dict[tuple[str, tuple[int, ...]], int] = {}

    def assemble(self) -> Cell:
        top = self._space.top_level
        if not self._live.reached(top, 0):
            return Cell()
        self._add("input", (), "input")
        output = self._motif(top, 0, 0, "")
        return Cell(tuple(self._nodes), output)

    def _add(self, kind: str, operands: tuple[int, ...], path: str) -> int:
        index = len(self._nodes)
        if kind not in CONVOLUTIONS:
            same = self._weightless.setdefault((kind, operands), index)
            if same != index:
                return same
        self._nodes.append(CellNode(kind, operands, path))
        return index

    def _motif(self, level: int, motif: int, source: int, path: str) -> int:
        """Adds the motif's function of node `source`; returns the node that holds its result."""
        genes = self._genotype.motif(level, motif)
        live = self._live.of(level, motif)
        value = {0: source}
        for i in range(1, self._space.level(level).nodes):
            parts = [
                self._operation(level, genes[edge_index(i, j)], value[j], f"{path}{j + 1}-{i + 1}")
                for j in range(i)
                if edge_index(i, j) in live
            ]
            if parts:
                single = len(parts) == 1
                concat = f"{path}concat-{i + 1}"
                value[i] = parts[0] if single else self._add("concat", tuple(parts), concat)
        result = value[self._space.level(level).nodes - 1]
        projected = level == 2 and self._space.top_level > 2
        return self._add("conv1x1", (result,), f"{path}out") if projected else result

    def _operation(self, level: int, gene: int, source: int, path: str) -> int:
        if level > 2:
            return self._motif(level - 1, gene - 1, source, f"{path}.")
        kind = PRIMITIVES[gene - 1]
        return source if kind == "identity" else self._add(kind, (source,), path)
