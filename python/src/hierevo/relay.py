"""Passes the evaluator protocol on between hierevo and the Python process that evaluates.

hierevo starts this file as its evaluator, with an isolated Python and no package: it starts in
some milliseconds. HIEREVO_PYTHON_SOCKET is where the other process listens.
"""

from __future__ import annotations

import os
import select
import socket
import sys

_MOST = 1 << 16  # bytes at once


def main() -> None:
    """Relays until hierevo or the other process has ended the conversation."""
    connection = connected()
    unanswered = b"" if connection is None else relayed(connection)
    if unanswered is not None:
        if connected() is not None:
            sys.exit("The Python process that called hierevo.Search has given up this evaluation.")
        sys.stderr.write("The Python process that called hierevo.Search is gone.\n")
        answer_stop(unanswered)


def connected() -> socket.socket | None:
    """A connection; None where nobody listens."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(os.environ["HIEREVO_PYTHON_SOCKET"])
    except (KeyError, OSError):
        return None
    return connection


def relayed(connection: socket.socket) -> bytes | None:
    """Passes bytes on. If the connection is lost, gives back what hierevo sent last."""
    sent = b""
    while True:
        ready, _, _ = select.select([0, connection.fileno()], [], [])
        try:
            if 0 in ready:
                sent = os.read(0, _MOST)
                if not sent:
                    return None
                connection.sendall(sent)
            if connection.fileno() in ready:
                answered = connection.recv(_MOST)
                if not answered:
                    return None if b'"shutdown"' in sent else sent
                write(answered)
        except ConnectionError:
            return sent


def answer_stop(received: bytes) -> None:
    """Waits for the search to be stopped, as it is without that process (lifeline.py).

    Nothing else is answered, so that no candidate counts as failed: it is evaluated when the search
    is resumed. `received` has come from hierevo already, and may be the stop.
    """
    pending = b""
    while True:
        *lines, pending = (pending + received).split(b"\n")
        for line in lines:
            if line.startswith(b'{"type":"stop"'):
                write(line.replace(b'"stop"', b'"stopped"') + b"\n")
        received = os.read(0, _MOST)
        if not received:
            return


def write(data: bytes) -> None:
    """To hierevo."""
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
