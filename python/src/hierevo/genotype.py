"""Genotypes: what a search evolves, and what cells are assembled from."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hierevo.cell import Cell, assemble
from hierevo.cell_drawing import draw_motifs
from hierevo.cost import Cost, cost_of
from hierevo.drawing import Drawing, drawing_or_none
from hierevo.errors import UsageError
from hierevo.files import read_bytes
from hierevo.genotype_json import document_of, read_json
from hierevo.mutation import apply_mutations, trivial_genes
from hierevo.plan import make_plan, model_spec
from hierevo.random_stream import RandomStream
from hierevo.search_space import SearchSpace

if TYPE_CHECKING:
    import os

_LONGEST_FILE = 1 << 20


class Genotype:
    """All graphs of the levels 2..L (section 2.3 of the paper), a value that never changes.

    `space` is its SearchSpace. `genes` are bytes, one for each edge: level by level from 2 up,
    motif by motif, edges in the order 1→2, 1→3, 2→3, 1→4, …; 0 is no edge, k is primitive k or
    motif k of the level below. Such are the rows of `individuals/genotype` in a run's search.h5.
    """

    __slots__ = ("_genes", "_space")

    def __init__(self, space: SearchSpace | str, genes: Iterable[int]) -> None:
        """Raises UsageError when the number of genes or a gene does not fit the space."""
        self._space = SearchSpace.of(space)
        self._genes = _checked(self._space, genes)

    @classmethod
    def trivial(cls, space: SearchSpace | str) -> Genotype:
        """The genotype that only passes its input on: every motif is a chain of identities."""
        space = SearchSpace.of(space)
        return cls(space, trivial_genes(space))

    @classmethod
    def random(
        cls, space: SearchSpace | str, seed: int, number: int = 1, mutations: int = 1000
    ) -> Genotype:
        """As many random mutations of the trivial genotype (section 3.2).

        It is line `number` (from 1) of `hierevo sample --space SPACE --seed SEED`.
        """
        stream = RandomStream.derived(seed, number, "sample")
        return cls.trivial(space).mutate(stream, mutations)

    @classmethod
    def from_json(cls, given: str | bytes | Mapping[str, Any]) -> Genotype:
        """Reads a JSON text, or the object that json.loads() has made of one.

        Raises UsageError, a ValueError, that says what is wrong and where.
        """
        return cls(*read_json(given, "The JSON"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Genotype:
        """Reads a JSON file, such as `hierevo export --format json` writes.

        Raises MissingFileError, FileError when the file cannot be read, otherwise as from_json().
        """
        return cls(*read_json(bytes(read_bytes(path, _LONGEST_FILE)), f"'{path}'"))

    def to_json(self) -> str:
        """The JSON text in one line, as `hierevo sample` prints it."""
        return json.dumps(self.to_dict(), separators=(",", ":"), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """What json.loads() makes of to_json()."""
        return document_of(self._space, self._genes)

    @property
    def space(self) -> SearchSpace:
        """The space that it belongs to."""
        return self._space

    @property
    def genes(self) -> bytes:
        """All genes in their order."""
        return self._genes

    def motif(self, level: int, motif: int) -> bytes:
        """The genes of one motif; `motif` counts from 0."""
        first = self._space.first_gene(level, motif)
        return self._genes[first : first + self._space.level(level).edges]

    def mutate(self, random: RandomStream, mutations: int = 1) -> Genotype:
        """This genotype after as many random mutations (section 3.1); the stream moves on."""
        if mutations < 0:
            raise UsageError(f"{mutations} mutations", "there can be none or more")
        return Genotype(self._space, apply_mutations(self._space, self._genes, random, mutations))

    def assemble(self) -> Cell:
        """The cell with its motifs inlined (section 2.1), without dead edges and unused motifs."""
        return assemble(self)

    def cost(
        self,
        model: str = "cifar-small",
        *,
        channels: int | None = None,
        cells: int | None = None,
        input_channels: int = 3,
        classes: int | None = None,
        image_size: int | None = None,
    ) -> Cost:
        """What the network around the cell costs for one image.

        `model` is "cifar-small", "cifar-large" or "imagenet" (Figure 2), `channels` c0, `cells` the
        cells of a group, `image_size` height and width in pixels. None is the model's own number.
        Raises UsageError for an invalid cell.
        """
        spec = model_spec(model, channels, cells, input_channels, classes)
        size = spec.image_size if image_size is None else image_size
        return cost_of(make_plan(self.assemble(), spec), size)

    def draw(self) -> Drawing:
        """A drawing of the assembled cell. Raises UsageError when it is invalid or too large."""
        return self.assemble().draw()

    def draw_motifs(self) -> Drawing:
        """A drawing of all motifs that the cell uses, those of the top level first.

        Dead edges, which are on no path from source to sink, are dashed.
        """
        return draw_motifs(self)

    def _repr_svg_(self) -> str | None:
        """For notebooks; None, so that they show the text, where the cell cannot be drawn."""
        return drawing_or_none(self.draw)

    def __eq__(self, other: object) -> bool:
        """Whether space and genes are equal. Different genotypes may be of the same cell."""
        if not isinstance(other, Genotype):
            return NotImplemented
        return self._space == other._space and self._genes == other._genes

    def __hash__(self) -> int:
        """Equal genotypes have the same."""
        return hash((self._space, self._genes))

    def __repr__(self) -> str:
        """A Python expression for it."""
        return f"Genotype({self._space.name!r}, bytes.fromhex({self._genes.hex()!r}))"

    def __reduce__(self) -> tuple[type[Genotype], tuple[str, bytes]]:
        """For pickle and copy."""
        return Genotype, (self._space.name, self._genes)


def offspring(
    space: SearchSpace | str,
    seed: int,
    number: int,
    parent: Genotype | None = None,
    start_mutations: int = 1000,
) -> Genotype:
    """The genotype that candidate `number` of a search with this seed has.

    It is a mutation of that of its `parent`, or random where it has none, with as many mutations as
    `--start-mutations` says.
    """
    if parent is None:
        stream = RandomStream.derived(seed, number, "start")
        return Genotype.trivial(space).mutate(stream, start_mutations)
    if parent.space != SearchSpace.of(space):
        raise UsageError(f"The parent is of the space {parent.space}, the search of {space}")
    return parent.mutate(RandomStream.derived(seed, number, "mutation"))


def _checked(space: SearchSpace, given: Iterable[int]) -> bytes:
    try:
        genes = bytes(map(operator.index, given))
    except (TypeError, ValueError):
        raise UsageError("Not all genes of the genotype are whole numbers from 0 to 255") from None
    if len(genes) != space.genes:
        raise UsageError(
            f"A genotype of {len(genes)} genes does not fit the space {space}",
            f"it has {space.genes} edges",
        )
    for level, first, end, most in space.genes_by_level():
        if max(genes[first:end]) > most:
            index = next(i for i in range(first, end) if genes[i] > most)
            raise UsageError(
                f"Gene {index + 1} of the genotype is {genes[index]}",
                f"an edge of level {level} carries 0 to {most} in the space {space}",
            )
    return genes
