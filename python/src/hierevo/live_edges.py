"""Which edges of a genotype's motifs matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hierevo.search_space import edge_index

if TYPE_CHECKING:
    from hierevo.genotype import Genotype


class LiveEdges:
    """The edges on a path from source to sink.

    A motif whose sink is not reached acts as `none` where it is used. Motifs count from 0.
    """

    def __init__(self, genotype: Genotype) -> None:
        """Finds them."""
        self._genotype = genotype
        self._live: dict[tuple[int, int], frozenset[int]] = {}
        for level, shape in enumerate(genotype.space.levels, 2):
            for motif in range(shape.motifs):
                self._live[level, motif] = self._of(level, motif)

    def reached(self, level: int, motif: int) -> bool:
        """Whether the motif's source reaches its sink."""
        return bool(self._live[level, motif])

    def of(self, level: int, motif: int) -> frozenset[int]:
        """The indices of the motif's live edges."""
        return self._live[level, motif]

    def used(self) -> dict[int, list[int]]:
        """For each level, the motifs that the cell contains, in ascending order."""
        top = self._genotype.space.top_level
        used = {top: [0] if self.reached(top, 0) else []}
        for level in range(top, 2, -1):
            below = set()
            for motif in used[level]:
                genes = self._genotype.motif(level, motif)
                below |= {genes[edge] - 1 for edge in self.of(level, motif)}
            used[level - 1] = sorted(below)
        return used

    def _of(self, level: int, motif: int) -> frozenset[int]:
        genes = self._genotype.motif(level, motif)
        nodes = self._genotype.space.level(level).nodes
        edges = [
            (j, i)
            for i in range(1, nodes)
            for j in range(i)
            if self._present(level, genes[edge_index(i, j)])
        ]
        from_source = {0}
        for j, i in edges:
            if j in from_source:
                from_source.add(i)
        to_sink = {nodes - 1}
        for j, i in reversed(edges):
            if i in to_sink:
                to_sink.add(j)
        return frozenset(edge_index(i, j) for j, i in edges if j in from_source and i in to_sink)

    def _present(self, level: int, gene: int) -> bool:
        return gene != 0 and (level == 2 or self.reached(level - 1, gene - 1))
