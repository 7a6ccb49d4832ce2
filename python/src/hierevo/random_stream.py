"""The random streams of the programs, bit for bit."""

from __future__ import annotations

import operator

from hierevo.errors import UsageError
from hierevo.hashes import ALL_64, GAMMA, combine, hash_text, mix


def derive_seed(root: int, number: int, purpose: str) -> int:
    """Seed of the stream that serves `purpose` for the thing `number` under the seed `root`.

    Candidate 7 of a search is evaluated with the seed `derive_seed(seed, 7, "evaluation")`.
    """
    return combine(combine(mix(_seed(root)), _seed(number)), hash_text(purpose))


class RandomStream:
    """A stream of random numbers: SplitMix64 (Steele, Lea, Flood 2014)."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        """The stream of this seed, from 0 up to 2^64 - 1."""
        self._state = _seed(seed)

    @classmethod
    def derived(cls, root: int, number: int, purpose: str) -> RandomStream:
        """The stream of derive_seed() of the arguments."""
        return cls(derive_seed(root, number, purpose))

    def draw(self) -> int:
        """64 uniform bits."""
        self._state = (self._state + GAMMA) & ALL_64
        return mix(self._state)

    def below(self, bound: int) -> int:
        """Uniform in [0, bound), without bias; `bound` is 1 to 2^64 - 1."""
        number = self.draw()
        # There are a few numbers more than a multiple of `bound`: the lowest are drawn again.
        while number < bound and number < (ALL_64 + 1) % bound:
            number = self.draw()
        return number % bound


def _seed(number: int) -> int:
    """As Python's own integer: numpy's would overflow."""
    number = operator.index(number)
    if not 0 <= number <= ALL_64:
        raise UsageError(f"{number} is no seed or number", "those are from 0 up to 2^64 - 1")
    return number
