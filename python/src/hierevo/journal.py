"""Journals of a search: their bytes, without what the events mean (io/FORMAT.md, "Journal")."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass

from hierevo.checksums import crc32c
from hierevo.errors import FileError, NewerVersionError
from hierevo.files import PathLike, open_regular, read_piece
from hierevo.record_bytes import Bad, ByteReader

NEWEST = 5
"""The newest version that is read."""
ASKED, TOLD, BEGUN = 1, 2, 3
_FIRST_LINES = tuple(b"hierevo journal %d\n" % version for version in range(2, NEWEST + 1))
_LINE_LENGTH = len(_FIRST_LINES[0])
_HEAD = struct.Struct("<III")
_LONGEST_RECORD = 1 << 20
_LONGEST = 1 << 32
_HIGHEST_INCARNATION = 1 << 62


@dataclass(frozen=True)
class Header:
    """The first record: whose journal it is, and where it begins."""

    run: int
    asked: int
    told: int
    incarnation: int
    digest: int | None


@dataclass(frozen=True)
class Journal:
    """What could be read of a journal."""

    path: str
    line_is_damaged: bool
    records: list[bytes]
    """Bodies, in order."""
    ends: list[int]
    """Bytes of the file up to the end of each record."""
    start: int
    """Bytes of the file before the first record."""
    is_damaged: bool
    """Whether a damaged record ended it. An incomplete one at the end is no damage."""

    @property
    def header(self) -> Header | None:
        """None where there is none that can be read."""
        return read_header(self.records[0]) if self.records else None


def read_journal(path: PathLike) -> Journal:
    """Reads a journal up to its end or to the first damaged record, however long the file is.

    Raises MissingFileError, NewerVersionError and FileError.
    """
    descriptor = open_regular(path)
    try:
        return _Records(os.fspath(path), descriptor).read()
    finally:
        os.close(descriptor)


def read_header(record: bytes) -> Header | None:
    """The header in the body of a record; None for any other."""
    data = ByteReader(record)
    try:
        if data.numbers("B") != (BEGUN,):
            return None
        run, asked, told = data.u64(), data.u64(), data.u64()
        incarnation, digest = 0, None
        if not data.at_end():  # version 2 ends here
            incarnation, _, digest = data.u64(), data.u64(), data.u64()
        data.require_end()
    except Bad:
        return None
    if incarnation > _HIGHEST_INCARNATION:
        return None
    return Header(run, asked, told, incarnation, digest)


class _Records:
    """Cuts a file into records."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._waiting = bytearray()  # of what was read, what was not taken
        self._checksum = 0

    def read(self) -> Journal:
        line = b""
        while len(line) < _LINE_LENGTH and self._more():
            line = bytes(self._waiting[:_LINE_LENGTH])
        del self._waiting[: len(line)]
        records: list[bytes] = []
        ends: list[int] = []
        end = len(line)
        damaged = False
        while not damaged and end <= _LONGEST:
            for body in iter(self._next, None):
                if body == b"":
                    damaged = True
                    break
                records.append(body)
                end += _HEAD.size + len(body)
                ends.append(end)
            if damaged or not self._more():
                break
        line_is_damaged = self._check_line(line, bool(records))
        return Journal(self._path, line_is_damaged, records, ends, len(line), damaged)

    def _more(self) -> bool:
        piece = read_piece(self._path, self._descriptor)
        self._waiting += piece
        return bool(piece)

    def _next(self) -> bytes | None:
        """The next body; none where it has not been read yet; an empty one where it is damaged."""
        if len(self._waiting) < _HEAD.size:
            return None
        length, check, checksum = _HEAD.unpack_from(self._waiting)
        if not 0 < length <= _LONGEST_RECORD or check != crc32c(struct.pack("<I", length)):
            return b""
        if len(self._waiting) < _HEAD.size + length:
            return None
        body = bytes(self._waiting[_HEAD.size : _HEAD.size + length])
        if checksum != crc32c(struct.pack("<I", self._checksum) + body):
            return b""
        self._checksum = checksum
        del self._waiting[: _HEAD.size + length]
        return body

    def _check_line(self, line: bytes, has_records: bool) -> bool:
        """Whether the first line is damaged, of a journal that can be used."""
        if line in _FIRST_LINES or _FIRST_LINES[-1].startswith(line):
            return False
        version = re.match(rb"hierevo journal (\d+)", line)
        if version is None or has_records:
            return True
        if int(version[1]) > NEWEST:
            raise NewerVersionError(
                self._path,
                f"its format has version {int(version[1])}, and this package reads up to {NEWEST}",
                "Use a newer hierevo.",
            )
        if int(version[1]) == 1:
            raise FileError(self._path, "it is a journal of version 1, which was never released")
        return True
