"""The shape of all genotypes of a search."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hierevo.errors import UsageError

PRIMITIVES = ("conv1x1", "depthwise3x3", "separable3x3", "maxpool3x3", "avgpool3x3", "identity")
"""The operations of level 1 (section 2.2): gene k of an edge of level 2 is the k-th, from 1."""

MOST_LEVELS = 8
MOST_MOTIFS = 64
MOST_NODES = 32
LARGEST_CELL = 20_000
MOST_GENES = 40_000

_PARSE_HELP = (
    "Use 'hierarchical', 'flat', or MOTIFSxNODES for each level from 2 up, such as '6x4,1x5'."
)


class LevelShape(NamedTuple):
    """The graphs of one level: `motifs` directed acyclic graphs of `nodes` nodes each."""

    motifs: int
    nodes: int

    @property
    def edges(self) -> int:
        """Node pairs (predecessor, successor) of one motif."""
        return self.nodes * (self.nodes - 1) // 2


@dataclass(frozen=True)
class SearchSpace:
    """The levels 2..L of the hierarchical representation (section 2 of the paper).

    `levels[0]` is level 2. Level 1 is the six primitives; the top level has one motif, the cell.
    Raises UsageError for a shape of which no cell can be made, or too large a one.
    """

    levels: tuple[LevelShape, ...]

    def __post_init__(self) -> None:
        """Checks the bounds."""
        object.__setattr__(self, "levels", tuple(LevelShape(*shape) for shape in self.levels))
        _check(self.levels)

    @classmethod
    def parse(cls, text: str) -> SearchSpace:
        """ "hierarchical", "flat", or MOTIFSxNODES for each level from 2 up: "6x4,1x5"."""
        if text in _NAMED:
            return cls(_NAMED[text])
        levels = []
        for item in text.split(","):
            numbers = re.fullmatch(r"(-?[0-9]{1,9})x(-?[0-9]{1,9})", item)
            if numbers is None:
                raise UsageError(f"'{text}' is not a search space", "", _PARSE_HELP)
            levels.append(LevelShape(int(numbers[1]), int(numbers[2])))
        return cls(tuple(levels))

    @classmethod
    def of(cls, space: SearchSpace | str) -> SearchSpace:
        """The space itself, or the one that parse() finds in a text."""
        return cls.parse(space) if isinstance(space, str) else space

    @property
    def name(self) -> str:
        """The text that parse() turns back into this space."""
        for name, levels in _NAMED.items():
            if levels == self.levels:
                return name
        return ",".join(f"{shape.motifs}x{shape.nodes}" for shape in self.levels)

    def __str__(self) -> str:
        """Its name."""
        return self.name

    @property
    def top_level(self) -> int:
        """The number L of the level whose only motif is the cell."""
        return len(self.levels) + 1

    @property
    def genes(self) -> int:
        """Genes of a genotype: edges of all motifs of all levels."""
        return sum(shape.motifs * shape.edges for shape in self.levels)

    def level(self, level: int) -> LevelShape:
        """The shape of a level, from 2 to `top_level`."""
        if not 2 <= level <= self.top_level:
            raise UsageError(f"There is no level {level} in the space {self.name}")
        return self.levels[level - 2]

    def operations_below(self, level: int) -> int:
        """Operations that an edge of `level` can carry, `none` not counted."""
        return len(PRIMITIVES) if level == 2 else self.level(level - 1).motifs

    def genes_by_level(self) -> Iterator[tuple[int, int, int, int]]:
        """Each level from 2 up, its first gene, the one behind its last, and what they are at most:
        an edge carries an operation below, or 0.
        """
        first = 0
        for level, shape in enumerate(self.levels, 2):
            end = first + shape.motifs * shape.edges
            yield level, first, end, self.operations_below(level)
            first = end

    def first_gene(self, level: int, motif: int) -> int:
        """Index of the first gene of a motif, which counts from 0."""
        shape = self.level(level)
        if not 0 <= motif < shape.motifs:
            raise UsageError(f"There is no motif {motif} on level {level} of the space {self.name}")
        below = sum(lower.motifs * lower.edges for lower in self.levels[: level - 2])
        return below + motif * shape.edges


_NAMED = {
    "hierarchical": (LevelShape(6, 4), LevelShape(1, 5)),
    "flat": (LevelShape(1, 11),),
}


def edge_index(successor: int, predecessor: int) -> int:
    """Index of an edge (nodes from 0) within a motif: 1→2, 1→3, 2→3, 1→4, …"""
    return successor * (successor - 1) // 2 + predecessor


def _check(levels: tuple[LevelShape, ...]) -> None:
    if not 1 <= len(levels) <= MOST_LEVELS:
        raise UsageError(
            f"A search space of {len(levels)} levels above the primitives",
            f"1 to {MOST_LEVELS} are possible",
            _PARSE_HELP,
        )
    for number, (motifs, nodes) in enumerate(levels, 2):
        if not (1 <= motifs <= MOST_MOTIFS and 2 <= nodes <= MOST_NODES):
            raise UsageError(
                f"Level {number} of the search space has {motifs} motifs of {nodes} nodes",
                f"1 to {MOST_MOTIFS} motifs of 2 to {MOST_NODES} nodes are possible",
                _PARSE_HELP,
            )
    if levels[-1].motifs != 1:
        raise UsageError(
            f"The top level of the search space has {levels[-1].motifs} motifs",
            "it has to be one, the cell",
            _PARSE_HELP,
        )
    if _largest_cell(levels) > LARGEST_CELL:
        raise UsageError(
            "The search space is too large",
            f"a cell could have more than {LARGEST_CELL} operations",
            "Use fewer levels or nodes.",
        )
    genes = sum(shape.motifs * shape.edges for shape in levels)
    if genes > MOST_GENES:
        raise UsageError(
            "The search space is too large",
            f"a genotype would have {genes} edges, more than {MOST_GENES}",
            "Use fewer motifs or nodes.",
        )


def _largest_cell(levels: tuple[LevelShape, ...]) -> int:
    """Operations of the largest cell once all motifs are inlined, projections included."""
    lowest = levels[0].edges + (1 if len(levels) > 1 else 0)
    return math.prod(itertools.chain([lowest], (shape.edges for shape in levels[1:])))
