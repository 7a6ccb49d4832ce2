"""Passes the evaluator protocol on between hierevo and the Python process that evaluates.

hierevo starts this file as its evaluator, with an isolated Python and no package: it starts in
some milliseconds. HIEREVO_PYTHON_SOCKET is where the other process listens.
"""

import os
import select
import socket
import sys


def main() -> None:
    """Passes bytes on until hierevo ends its side."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(os.environ["HIEREVO_PYTHON_SOCKET"])
    except (KeyError, OSError) as error:
        sys.exit(f"The Python process that called hierevo.Search cannot be reached ({error!r}).")
    sent = b""
    while True:
        ready, _, _ = select.select([0, connection.fileno()], [], [])
        if 0 in ready:
            sent = os.read(0, 1 << 16)
            if not sent:
                return
            connection.sendall(sent)
        if connection.fileno() in ready:
            answered = connection.recv(1 << 16)
            if not answered and b'"shutdown"' in sent:
                return
            if not answered:
                sys.exit("The Python process that called hierevo.Search has closed the connection.")
            while answered:
                answered = answered[os.write(1, answered) :]


if __name__ == "__main__":
    main()
