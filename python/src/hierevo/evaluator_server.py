"""The program's side of the evaluator protocol, version 1 (docs/evaluators.md)."""

from __future__ import annotations

import collections
import contextlib
import gc
import json
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from hierevo._version import version
from hierevo.candidate import Candidate
from hierevo.report import Report, Stopped
from hierevo.result import failure_message, is_out_of_memory, result_message

PROTOCOL = 1
_WATCH_EVERY = 0.05  # seconds
EvaluationFunction = Callable[[Candidate, Report], Any]


class EvaluatorServer:
    """Evaluates what comes as messages of the protocol, one candidate at a time.

    The thread that evaluates also reads, as waking another one would take longer than all else that
    is done for a candidate. While the function computes, a second thread looks from time to time
    for a request to stop, and for the end of the search.
    """

    def __init__(
        self, function: EvaluationFunction, reading: int, writing: int, *, alone: bool
    ) -> None:
        """Talks to hierevo by two descriptors.

        `alone`: this process does nothing else. It then exits at once when hierevo has gone amid an
        evaluation, or when CUDA can no longer be used, and hierevo starts it anew.
        """
        self._function = function
        self._reading = reading
        self._writing = writing
        self._alone = alone
        self._candidates: collections.deque[dict[str, Any]] = collections.deque()
        self._to_be_stopped: int | None = None  # the id of a candidate
        self._ended = False
        self._pending = b""  # of an incomplete line
        self._receiving = threading.Lock()
        self._sending = threading.Lock()
        self._evaluations = 0
        self._computing = False

    def run(self, name: str, fields: Sequence[str] = ("genotype",)) -> None:
        """Says hello, then evaluates until there is no more work."""
        hello = {"type": "hello", "protocol": PROTOCOL, "name": name, "version": version}
        self._send({**hello, "fields": list(fields)})
        threading.Thread(target=self._watch, name="hierevo", daemon=True).start()
        try:
            while (message := self._next()) is not None:
                self._evaluations += 1
                self._computing = True
                answer = self._evaluate(message)
                if "memory_parts" in message:  # tells it from one of an earlier try
                    answer["memory_parts"] = message["memory_parts"]
                _flush()
                self._computing = False
                self._send(answer)
        finally:
            self._computing = False  # the other thread must not read from what is then closed
            self._ended = True

    def progress(self, message: dict[str, Any]) -> None:
        """Passes on what an evaluation reports."""
        self._send(message)

    def stop_requested(self, candidate: int) -> bool:
        """Whether hierevo has asked to stop this candidate, or has gone."""
        return self._to_be_stopped == candidate or self._ended

    def _next(self) -> dict[str, Any] | None:
        """Waits for a candidate; None when there are no more."""
        with self._receiving:
            while not self._candidates and not self._ended:
                self._receive()
            return self._candidates.popleft() if self._candidates and not self._ended else None

    def _watch(self) -> None:
        """Receives while one evaluation is computing for long."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        seen = 0
        while not self._ended:
            time.sleep(_WATCH_EVERY)
            if not self._computing or self._evaluations != seen:
                seen = self._evaluations
            elif self._receiving.acquire(blocking=False):
                try:
                    if poll.poll(0):
                        self._receive()
                finally:
                    self._receiving.release()
                if self._ended and self._alone and self._computing:
                    _exit_at_once()  # nobody needs the result

    def _receive(self) -> None:
        """Reads once, waiting for something to be there. To be called by the owner of the lock."""
        try:
            received = os.read(self._reading, 1 << 16)
        except OSError:
            received = b""
        *lines, self._pending = (self._pending + received).split(b"\n")
        try:
            for line in lines:
                self._take(json.loads(line))
        except (KeyError, TypeError, ValueError):  # what follows makes no sense either
            traceback.print_exc()
            received = b""
        if not received:
            self._ended = True

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "candidate":
            self._to_be_stopped = None
            self._candidates.append(message)
        elif kind == "stop":
            self._to_be_stopped = message["id"]
        elif kind == "shutdown":
            self._ended = True
        elif kind == "hello" and message["protocol"] != PROTOCOL:
            raise ValueError(
                f"hierevo speaks version {message['protocol']} of the evaluator protocol (this "
                f"package knows version {PROTOCOL}). Install the package of your hierevo."
            )

    def _evaluate(self, message: dict[str, Any]) -> dict[str, Any]:
        candidate = Candidate(message)
        out_of_memory = False
        try:
            value = self._function(candidate, Report(candidate, self))
            answer = result_message(candidate.id, value)
            if candidate.earlier_seconds > 0:
                answer.setdefault("seconds", candidate.seconds)
        except Stopped as error:
            if self.stop_requested(candidate.id):
                return {"type": "stopped", "id": candidate.id}
            answer = failure_message(candidate.id, error)
            answer["reason"] = "The function raised Stopped, but the search did not ask it to stop"
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            out_of_memory = is_out_of_memory(error)
            if self._alone and "CUDA error" in str(error) and not out_of_memory:
                raise  # the process can use CUDA no longer
            answer = failure_message(candidate.id, error)
        if out_of_memory:  # the exception, with what its frames held, is gone by now
            _free_memory()
        return answer

    def _send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._sending:
            try:
                while line:
                    line = line[os.write(self._writing, line) :]
            except OSError:  # hierevo has gone, which the reading thread sees
                self._ended = True


def _free_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _flush() -> None:
    """So that what was printed belongs to the candidate that it is about."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _exit_at_once() -> None:
    _flush()
    os._exit(0)
