"""Runs a search for another process, and has it saved when that process says so or is gone.

hierevo.Search starts this file, with an isolated Python, with the command line of the search. A
byte on standard input, or its end, stops the search.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """The exit code of the search."""
    try:
        search = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.exit(f"'{sys.argv[1]}' cannot be started ({error.strerror}).")

    def watch() -> None:
        os.read(0, 1)
        search.send_signal(signal.SIGUSR1)  # at which no launcher kills its ranks

    threading.Thread(target=watch, daemon=True).start()
    code = search.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
