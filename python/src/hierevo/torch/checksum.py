"""The checksum in the header of a training's file."""

from __future__ import annotations

from typing import Any

import numpy as np

_LANES = 4096
_ALL = 0xFFFFFFFF

Words = np.ndarray[Any, np.dtype[np.uint32]]


def _made_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(0x82F63B78), np.uint32(0))
    return table


_TABLE = _made_table()


def crc32c(content: bytes) -> int:
    """CRC-32C (Castagnoli), fast enough for files of a hundred megabytes.

    A checksum is linear: equal pieces are computed beside each other and then joined, each after as
    many zero bytes as follow it.
    """
    values = np.frombuffer(content, np.uint8)
    length = len(values) // _LANES
    crc = _ALL
    if length > 0:
        lanes = np.zeros(_LANES, np.uint32)
        for row in np.ascontiguousarray(values[: _LANES * length].reshape(_LANES, length).T):
            lanes = _TABLE[(lanes ^ row) & 255] ^ (lanes >> 8)
        after = _zeros(length)
        for lane in lanes.tolist():
            crc = _applied(after, crc) ^ lane
    table = _TABLE.tolist()
    for value in content[_LANES * length :]:
        crc = table[(crc ^ value) & 255] ^ (crc >> 8)
    return crc ^ _ALL


def _zeros(count: int) -> list[int]:
    """What as many zero bytes make of each bit of a checksum."""
    table = _TABLE.tolist()
    result = [1 << bit for bit in range(32)]
    power = [table[bit & 255] ^ (bit >> 8) for bit in result]  # of 1, 2, 4, … zero bytes
    while count:
        if count & 1:
            result = [_applied(power, column) for column in result]
        power = [_applied(power, column) for column in power]
        count >>= 1
    return result


def _applied(columns: list[int], crc: int) -> int:
    result = 0
    for column in columns:
        if crc & 1:
            result ^= column
        crc >>= 1
    return result
