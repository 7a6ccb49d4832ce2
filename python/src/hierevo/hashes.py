"""The programs' 64-bit hashes, from which they derive random streams and the digests of files."""

from __future__ import annotations

import functools

ALL_64 = (1 << 64) - 1
"""The largest 64-bit number."""
GAMMA = 0x9E3779B97F4A7C15
"""The step of SplitMix64 (Steele, Lea, Flood 2014)."""


def mix(number: int) -> int:
    """A bijection of the 64-bit numbers that scatters them: the finaliser of SplitMix64."""
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & ALL_64
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & ALL_64
    return number ^ (number >> 31)


def combine(hash_: int, value: int) -> int:
    """Hash of `value` appended to what `hash_` stands for; order matters."""
    return mix(((hash_ ^ GAMMA) + GAMMA * (value + 1) + (hash_ << 6)) & ALL_64)


def hash_text(text: str) -> int:
    """Hash of the text's UTF-8."""
    content = text.encode()
    return functools.reduce(combine, content, mix(len(content)))
