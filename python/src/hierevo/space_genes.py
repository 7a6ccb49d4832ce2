"""Which genes a genotype of a search space can have, for readers of files."""

from __future__ import annotations

import functools

from hierevo.errors import UsageError
from hierevo.h5_reading import Unusable
from hierevo.search_space import SearchSpace

_LONGEST_NAME = 256


def canonical_name(space: str) -> str:
    """The name by which the programs know the space. Raises Unusable for what is none."""
    return _parsed(space).name


@functools.lru_cache(maxsize=16)
def largest_genes(space: str) -> bytes:
    """For each gene of a genotype the largest that it can be. Raises Unusable for no space."""
    by_level = _parsed(space).genes_by_level()
    return b"".join(bytes([most]) * (end - first) for _, first, end, most in by_level)


def _parsed(space: str) -> SearchSpace:
    try:
        return SearchSpace.parse(space[:_LONGEST_NAME])
    except UsageError as error:
        raise Unusable(f"its search space is impossible: {error}") from error
