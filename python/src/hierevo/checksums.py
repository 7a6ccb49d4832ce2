"""CRC-32C (Castagnoli), the checksum of hierevo's files."""

from __future__ import annotations

import functools
from typing import Union

import numpy as np
import numpy.typing as npt

Bytes = Union[bytes, bytearray, memoryview]
Words = npt.NDArray[np.uint32]

_POLYNOMIAL = 0x82F63B78  # reflected
_LARGE = 2048  # bytes from which on many strips at a time are faster than one byte at a time


def crc32c(data: Bytes, before: int = 0) -> int:
    """The CRC-32C of `data`, or, with `before` that of other bytes, of those and `data` together.

    `crc32c(b"123456789")` is 0xe3069283.
    """
    register = before ^ 0xFFFFFFFF
    view = memoryview(data).cast("B")
    small = len(view) % _LARGE if len(view) >= _LARGE else len(view)
    if small < len(view):
        register = _of_strips(view[: len(view) - small], register)
    table = _byte_table()
    for byte in view[len(view) - small :]:
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


@functools.cache
def _byte_table() -> list[int]:
    """What a register of one byte becomes when a zero byte follows."""
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = (register >> 1) ^ (_POLYNOMIAL if register & 1 else 0)
        table.append(register)
    return table


@functools.cache
def _word_table() -> Words:
    """The same for 16 bits and two zero bytes."""
    of_byte = np.array(_byte_table(), dtype=np.uint32)
    words = np.arange(1 << 16, dtype=np.uint32)
    once = of_byte[words & 0xFF] ^ (words >> np.uint32(8))
    result: Words = of_byte[once & 0xFF] ^ (once >> np.uint32(8))
    return result


@functools.cache
def _shift_tables(power: int) -> Words:
    """Four tables [4, 256], one for each byte of a register: what it becomes after 2^power zero
    bytes.
    """
    if power == 0:
        bits = np.arange(256, dtype=np.uint32)
        registers = np.stack([bits << np.uint32(8 * i) for i in range(4)])
        of_byte = np.array(_byte_table(), dtype=np.uint32)
        once: Words = of_byte[registers & 0xFF] ^ (registers >> np.uint32(8))
        return once
    half = _shift_tables(power - 1)
    return _shifted(half, half)


def _shifted(registers: Words, tables: Words) -> Words:
    result: Words = tables[0][registers & np.uint32(0xFF)]
    for i in range(1, 4):
        result = result ^ tables[i][(registers >> np.uint32(8 * i)) & np.uint32(0xFF)]
    return result


def _of_strips(data: memoryview, register: int) -> int:
    """The register after `data`, whose length is a multiple of _LARGE.

    Strips of equal length, a power of two, are fed side by side, as if each stood alone; then
    neighbours are put together, which takes a shift of the first by the length of the second.
    """
    power = 6
    while power < 15 and (len(data) >> power) > (1 << power) * 4:
        power += 1
    strip = 1 << power
    whole = len(data) - len(data) % strip
    if whole < len(data):  # so that all strips are full
        register = _of_strips(data[: len(data) - whole], register)
        data = data[len(data) - whole :]
    words = np.frombuffer(data, dtype="<u2").reshape(-1, strip // 2).T
    lanes = np.zeros(words.shape[1], dtype=np.uint32)
    lanes[0] = register
    table = _word_table()
    for row in np.ascontiguousarray(words):
        lanes = table[(lanes ^ row) & np.uint32(0xFFFF)] ^ (lanes >> np.uint32(16))
    while len(lanes) > 1:
        if len(lanes) % 2 == 1:  # nothing before the first is a register of zeros
            lanes = np.concatenate([np.zeros(1, dtype=np.uint32), lanes])
        lanes = _shifted(lanes[0::2], _shift_tables(power)) ^ lanes[1::2]
        power += 1
    return int(lanes[0])
