"""Reading files that another process may be writing, and that may be anything."""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Any, Union

from hierevo.errors import FileError, MissingFileError

PathLike = Union[str, "os.PathLike[str]"]

LONGEST_TEXT = 1 << 27  # bytes; as the programs, which log a thousand lines for each start
_PIECE = 1 << 20


def open_regular(path: PathLike) -> int:
    """A descriptor to read the file. Pipes and devices are refused, and keep nobody waiting.

    Raises MissingFileError or FileError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path, "there is no such file") from error
    except OSError as error:
        raise FileError(path, f"it cannot be opened ({error.strerror})") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise FileError(path, "it is not a regular file")


def read_piece(path: PathLike, descriptor: int, length: int = _PIECE) -> bytes:
    """Up to `length` of the next bytes of the file; empty at its end. Raises FileError."""
    try:
        return os.read(descriptor, length)
    except OSError as error:
        raise FileError(path, f"it cannot be read ({error.strerror})") from error


def read_bytes(path: PathLike, longest: int) -> bytearray:
    """The whole file. Raises FileError, also for one of more than `longest` bytes."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        content = bytearray()
        while size <= longest and len(content) <= longest:
            piece = read_piece(path, descriptor)
            if not piece:
                return content
            content += piece
    finally:
        os.close(descriptor)
    raise FileError(path, f"it has more than {longest} bytes ({os.strerror(errno.EFBIG)})")


def read_text(path: PathLike, longest: int = LONGEST_TEXT) -> str:
    """The whole file as UTF-8. Raises FileError."""
    return bytes(read_bytes(path, longest)).decode("utf-8", "replace")


def read_json(path: PathLike) -> Any:
    """The JSON value that the file has. Raises FileError."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"it is no JSON ({error})") from error


def shown_json(path: PathLike) -> dict[str, Any]:
    """Of a file that is for information: its object, or an empty one where there is none."""
    try:
        found = read_json(path)
    except FileError:
        return {}
    return found if isinstance(found, dict) else {}
