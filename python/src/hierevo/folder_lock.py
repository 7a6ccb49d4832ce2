"""Whether a program works in a folder of hierevo at this moment."""

from __future__ import annotations

import os
import struct
import sys
import time

from hierevo.files import PathLike

_SILENCE = 30.0
"""Seconds after which a search whose lock cannot be asked about is not running."""


def is_in_use(folder: PathLike) -> bool:
    """Whether a start of a program holds the folder's lock. Takes no lock itself.

    False for a copy on another machine, and where locks cannot be asked about.
    """
    lock = os.path.join(folder, "lock")
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:  # another user's
        return _reports_progress(folder)
    except OSError:
        return False
    try:
        return _is_locked(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def present_state(recorded: str, in_use: bool) -> str:
    """ "running", "finished", "saved" or "stopped"."""
    if in_use:
        return "running"
    return "stopped" if recorded == "running" else recorded


def _is_locked(descriptor: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415

    # struct flock: type, whence, start, length, process.
    layout = struct.Struct("@hhqqi4x")
    wanted = layout.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    ask = getattr(fcntl, "F_OFD_GETLK", 36)
    found: int = layout.unpack(fcntl.fcntl(descriptor, ask, wanted))[0]
    return found != fcntl.F_UNLCK


def _reports_progress(folder: PathLike) -> bool:
    try:
        written = os.stat(os.path.join(folder, "progress.json")).st_mtime
    except OSError:
        return False
    return time.time() - written < _SILENCE
