"""The JSON form of genotypes, "hierevo.genotype" version 1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from hierevo.errors import UsageError, suggestion_for
from hierevo.search_space import MOST_MOTIFS, MOST_NODES, PRIMITIVES, LevelShape, SearchSpace

_FORMAT = "hierevo.genotype"
_VERSION = 1
_SEE = "See io/FORMAT.md."


def document_of(space: SearchSpace, genes: bytes) -> dict[str, Any]:
    """The JSON object of a genotype."""
    levels = []
    for level, shape in enumerate(space.levels, 2):
        names = [
            "none",
            *(PRIMITIVES if level == 2 else range(1, space.operations_below(level) + 1)),
        ]
        first = space.first_gene(level, 0)
        edges = [names[gene] for gene in genes[first : first + shape.motifs * shape.edges]]
        starts = range(0, len(edges), shape.edges)
        motifs = [edges[start : start + shape.edges] for start in starts]
        levels.append({"level": level, "nodes": shape.nodes, "motifs": motifs})
    return {"format": _FORMAT, "version": _VERSION, "levels": levels}


def read_json(given: str | bytes | Mapping[str, Any], source: str) -> tuple[SearchSpace, bytes]:
    """Space and genes of a JSON object or its text; complaints name `source` and the place."""
    reader = _Reader(source)
    return reader.read(given if isinstance(given, Mapping) else reader.parsed(given))


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source

    def parsed(self, text: str | bytes) -> Any:
        def no_number(text: str) -> NoReturn:
            raise ValueError(text)

        try:
            plain = text if isinstance(text, str) else text.decode("utf-8-sig")
            return json.loads(plain, parse_constant=no_number)
        except (ValueError, RecursionError):
            self._refuse("", "it is not JSON")

    def read(self, document: Any) -> tuple[SearchSpace, bytes]:
        self._check_header(document)
        levels = self._member(document, "levels", list, "")
        space = self._space([self._shape(level, number) for number, level in enumerate(levels, 2)])
        genes = bytearray()
        for number, level in enumerate(levels, 2):
            for motif, edges in enumerate(level["motifs"], 1):
                genes += self._motif(space, number, motif, edges)
        return space, bytes(genes)

    def _refuse(self, where: str, problem: str, suggestion: str = _SEE) -> NoReturn:
        why = f"{where}: {problem}" if where else problem
        raise UsageError(f"{self._source} is not a genotype", why, suggestion) from None

    def _check_header(self, document: Any) -> None:
        if not isinstance(document, Mapping):
            self._refuse("", "it is not a JSON object")
        if self._member(document, "format", str, "") != _FORMAT:
            self._refuse("format", f'it must be "{_FORMAT}"')
        version = self._count(document, "version", "")
        if version != _VERSION:
            newer = "Read it with the version of hierevo that wrote it."
            self._refuse("version", f"{version} is not known here", newer)

    def _member(self, holder: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
        if key not in holder:
            self._refuse(where, f'member "{key}" is missing')
        if not isinstance(holder[key], kind):
            name = "string" if kind is str else "array"
            self._refuse(where, f'"{key}" must be of type {name}')
        return holder[key]

    def _count(self, holder: Mapping[str, Any], key: str, where: str) -> int:
        if key not in holder:
            self._refuse(where, f'member "{key}" is missing')
        number = _whole_number(holder[key])
        if number is None:
            self._refuse(where, f'"{key}" must be a whole number from 0 up')
        return number

    def _shape(self, level: Any, number: int) -> LevelShape:
        where = f"level {number}"
        if not isinstance(level, Mapping):
            self._refuse(where, "it is not an object")
        if self._count(level, "level", where) != number:
            self._refuse(where, "levels must be numbered from 2 up, in order")
        nodes = self._count(level, "nodes", where)
        motifs = self._member(level, "motifs", list, where)
        if nodes > MOST_NODES or len(motifs) > MOST_MOTIFS:
            self._refuse(where, f"more than {MOST_NODES} nodes or {MOST_MOTIFS} motifs")
        return LevelShape(len(motifs), nodes)

    def _space(self, shapes: list[LevelShape]) -> SearchSpace:
        try:
            return SearchSpace(tuple(shapes))
        except UsageError as error:
            self._refuse("levels", str(error))

    def _motif(self, space: SearchSpace, level: int, motif: int, edges: Any) -> bytes:
        where = f"level {level}, motif {motif}"
        shape = space.level(level)
        if not isinstance(edges, list) or len(edges) != shape.edges:
            self._refuse(where, f"{shape.nodes} nodes have {shape.edges} edges, in a list")
        return bytes(
            self._gene(space, level, edge, f"{where}, edge {number}")
            for number, edge in enumerate(edges, 1)
        )

    def _gene(self, space: SearchSpace, level: int, edge: Any, where: str) -> int:
        if edge == "none":
            return 0
        if level == 2:
            return self._primitive(edge, where)
        most = space.operations_below(level)
        motif = _whole_number(edge)
        if motif is None or not 1 <= motif <= most:
            self._refuse(where, f'{_shown(edge)} is neither "none" nor a motif from 1 to {most}')
        return motif

    def _primitive(self, edge: Any, where: str) -> int:
        if isinstance(edge, str) and edge in PRIMITIVES:
            return PRIMITIVES.index(edge) + 1
        text = edge if isinstance(edge, str) else _shown(edge)
        known = [*PRIMITIVES, "none"]
        return self._refuse(where, f"'{text}' is not a primitive", suggestion_for(text, known))


def _whole_number(value: Any) -> int | None:
    """JSON has one kind of numbers: some programs write 1 as 1.0. (In Python, true is one too.)"""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    whole = 0 <= value <= 1 << 30 and value == int(value)
    return int(value) if whole else None


def _shown(value: Any) -> str:
    return json.dumps(value, default=repr, ensure_ascii=False, separators=(",", ":"))
