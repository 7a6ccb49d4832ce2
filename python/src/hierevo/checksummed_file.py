"""The header of snapshots of searches and trainings, with which their bytes are checked."""

from __future__ import annotations

import os
import re

from hierevo.checksums import crc32c
from hierevo.errors import FileError, NewerVersionError
from hierevo.files import PathLike, open_regular, read_piece

_HEADER = 512
_VERSION = 1


def read_checksummed(path: PathLike, kind: str, longest: int) -> bytes:
    """The whole file, header included, which is HDF5's user block.

    `kind` is the second word of the header. Raises MissingFileError, NewerVersionError, and
    FileError for a file that has not all the bytes that were written, or others, or more than
    `longest`.
    """
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        content = bytearray(read_piece(path, descriptor, _HEADER))
        _check_header(path, bytes(content), kind, size)
        if size > longest:
            raise FileError(path, f"it has more than {longest} bytes")
        while len(content) <= size:
            piece = read_piece(path, descriptor)
            if not piece:
                break
            content += piece
    finally:
        os.close(descriptor)
    _check_content(path, memoryview(content), kind)
    return bytes(content)


def _header_of(content: memoryview, kind: str) -> bytes:
    checksum = crc32c(content)
    text = f"hierevo {kind} {_VERSION}\nbytes {len(content)}\ncrc32c {checksum:08x}\n"
    return text.encode().ljust(_HEADER, b"\0")


def _check_header(path: PathLike, header: bytes, kind: str, size: int) -> None:
    """Before the rest is read: it may be any file, and long."""
    begin = f"hierevo {kind} ".encode()
    if not header.startswith(begin):
        problem = f"it is not a hierevo {kind} (it does not begin with '{begin.decode()}')"
        raise FileError(path, problem)
    found = re.match(rb"(\d{1,9})\n(?:bytes (\d{1,19})\n)?", header[len(begin) :])
    if found is not None and int(found[1]) > _VERSION:
        raise NewerVersionError(
            path,
            f"its header has version {int(found[1])}, and this package reads up to {_VERSION}",
            "Use a newer hierevo.",
        )
    if found is None or found[2] is None:
        problem = "it is torn" if size < _HEADER else "it is damaged (its header cannot be read)"
        raise FileError(path, problem)
    if int(found[2]) + _HEADER != size:
        told = int(found[2]) + _HEADER
        raise FileError(path, f"it is torn ({size} bytes are there, {told} were written)")


def _check_content(path: PathLike, content: memoryview, kind: str) -> None:
    if content[:_HEADER] == _header_of(content[_HEADER:], kind):
        return
    problem = "it is damaged (its bytes do not have the checksum that was written with them)"
    raise FileError(path, problem)
