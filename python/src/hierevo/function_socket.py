"""A function of this process, for evaluators that are relays to it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import tempfile
import threading

from hierevo.evaluator_server import EvaluationFunction, EvaluatorServer

_LONGEST_PATH = 100  # bytes, of a socket's 108


class FunctionSocket:
    """A socket of this user alone, where each relay (relay.py) that connects gets candidates
    evaluated by the function, in a thread of its own.
    """

    def __init__(self, function: EvaluationFunction) -> None:
        """Listens at `path` until the end of the `with` statement."""
        self._function = function
        self._folder = tempfile.mkdtemp(prefix="hierevo-")
        if len(os.fsencode(self._folder)) > _LONGEST_PATH - len("/python"):
            os.rmdir(self._folder)
            self._folder = tempfile.mkdtemp(prefix="hierevo-", dir="/tmp")
        self.path = str(pathlib.Path(self._folder, "python"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()

    def __enter__(self) -> FunctionSocket:
        """Begins to accept."""
        threading.Thread(target=self._accept, name="hierevo", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Accepts no more; evaluations that are left end when their relays do."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(connection,), name="hierevo-evaluator", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            descriptor = connection.fileno()
            server = EvaluatorServer(self._function, descriptor, descriptor, alone=False)
            server.run(getattr(self._function, "__name__", type(self._function).__name__))
