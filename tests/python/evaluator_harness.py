"""Plays hierevo's side of the evaluator protocol, for tests that need exact control."""

from __future__ import annotations

import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any

DEADLINE = 120  # seconds for anything; reached only when something hangs
GENOTYPE = {
    "format": "hierevo.genotype",
    "version": 1,
    "levels": [
        {"level": 2, "nodes": 2, "motifs": [["separable3x3"]]},
        {"level": 3, "nodes": 2, "motifs": [[1]]},
    ],
}


class Evaluator:
    """An evaluator program whose standard input and output are pipes of this process."""

    def __init__(self, command: list[str], folder: pathlib.Path) -> None:
        """Starts it in `folder`, where `stderr` gets its messages."""
        self.messages = folder / "stderr"
        with self.messages.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
        self._pending = b""
        self._memory_parts: dict[int, int] = {}  # of candidates
        self.output: list[str] = []  # lines for people

    def send(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def candidate(self, id: int, **members: Any) -> None:
        given: dict[str, Any] = {"seed": id * 10**17, "memory_parts": 1, "folder": None, "genotype": GENOTYPE}
        given.update(members)
        self._memory_parts[id] = given["memory_parts"]
        self.send(type="candidate", id=id, **given)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end of the output."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        end = time.monotonic() + DEADLINE
        while True:
            line, found, rest = self._pending.partition(b"\n")
            if found:
                self._pending = rest
                if line.startswith(b"{"):
                    message: dict[str, Any] = json.loads(line, parse_constant=_refuse)
                    return self._without_memory_parts(message)
                self.output.append(line.decode())
                continue
            if not select.select([descriptor], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"No message came. It has said:\n{self.text()}")
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                return None
            self._pending += chunk

    def _without_memory_parts(self, message: dict[str, Any]) -> dict[str, Any]:
        """Checks that an outcome says of which try it is, as candidates come again."""
        if message["type"] in ("result", "failure", "stopped"):
            expected = self._memory_parts.get(message["id"])
            if message.pop("memory_parts", None) != expected:
                raise AssertionError(f"The memory_parts are not {expected}: {message}")
        return message

    def answer(self) -> dict[str, Any]:
        """The next message that is no progress."""
        while (message := self.receive()) is not None:
            if message["type"] != "progress":
                return message
        raise AssertionError(f"It has closed its output, and said:\n{self.text()}")

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> int:
        """Its exit code."""
        return self.process.wait(timeout=DEADLINE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def text(self) -> str:
        return self.messages.read_text()


class EvaluatorTest(unittest.TestCase):
    """With a folder, and evaluators that are there until the test ends."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="hierevo-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, script: str, *, hello: bool = True) -> Evaluator:
        """Starts a script, and takes its hello."""
        path = self.folder / "evaluate.py"
        path.write_text(script)
        evaluator = Evaluator([sys.executable, str(path)], self.folder)
        self.addCleanup(evaluator.kill)
        if hello:
            self.hello = evaluator.receive()
            evaluator.send(type="hello", protocol=1, version="0.1.0")
        return evaluator

    def serve(self, body: str, before: str = "", arguments: str = "") -> Evaluator:
        """Serves a function with this body."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        return self.start(
            f"import os, sys, pathlib, hierevo\n{before}\n"
            f"def evaluate(candidate, report):\n{lines}\n"
            f"if __name__ == '__main__':\n    hierevo.serve(evaluate{arguments})\n"
        )


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
