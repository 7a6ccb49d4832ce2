"""A function of this process, for evaluators that are relays to it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import shutil
import socket
import tempfile
import threading
from typing import ClassVar

from hierevo.evaluator_server import EvaluationFunction, EvaluatorServer

_LONGEST_PATH = 100  # bytes, of a socket's 108


class FunctionSocket:
    """A socket of this user alone, where each relay (relay.py) that connects gets candidates
    evaluated by the function, in a thread of its own.

    Nothing can interrupt a function in a thread. When hierevo kills a relay, as at a timeout, the
    call goes on; the relay that comes in its place does not say hello before the call has returned.
    So no more calls run at once than hierevo asks for.
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
            conversation = _Conversation(self._function, connection)
            threading.Thread(target=conversation.run, name="hierevo-evaluator", daemon=True).start()


class _Conversation:
    """With one relay, after that with the lost one whose place it takes, if there is such."""

    _all: ClassVar[list[_Conversation]] = []  # of this process that have not ended
    _lock = threading.Lock()

    def __init__(self, function: EvaluationFunction, connection: socket.socket) -> None:
        self._function = function
        self._connection = connection
        self._ended = threading.Event()
        self._is_replaced = False
        with self._lock:
            lost = (one for one in self._all if one._function == function and one._is_lost())
            self._earlier = next(lost, None)
            if self._earlier is not None:
                self._earlier._is_replaced = True
            self._all.append(self)

    def run(self) -> None:
        """Until its end."""
        try:
            if self._earlier is not None:
                self._earlier._ended.wait()
                self._earlier = None
            descriptor = self._connection.fileno()
            server = EvaluatorServer(self._function, descriptor, descriptor, alone=False)
            server.run(getattr(self._function, "__name__", type(self._function).__name__))
        finally:
            with self._lock:
                self._all.remove(self)
                self._connection.close()
            self._ended.set()

    def _is_lost(self) -> bool:
        """Whether its relay is gone, and none has come in its place."""
        poll = select.poll()
        poll.register(self._connection, 0)  # for the end alone
        return not self._is_replaced and bool(poll.poll(0))
