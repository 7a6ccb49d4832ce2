"""Trying an evaluation function without a search."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hierevo.candidate import Candidate
from hierevo.evaluator_server import EvaluationFunction
from hierevo.report import Report
from hierevo.result import Result, result_message

if TYPE_CHECKING:
    from hierevo.genotype import Genotype


def evaluate_once(
    function: EvaluationFunction,
    genotype: Genotype | Mapping[str, Any] | str | os.PathLike[str],
    *,
    seed: int = 1,
    memory_parts: int = 1,
    folder: str | os.PathLike[str] | None = None,
) -> Result:
    """Evaluates a genotype with a function that serve() or Search is to get.

    The function runs in this process and may be debugged: what it raises comes out. Progress is
    printed to standard error, once a second. `genotype` is a Genotype, a dict of the genotype
    format, or the path of a JSON file. `folder` takes half-trained states: call it again with the
    same one and the function resumes.
    """
    message = {"id": 0, "seed": seed, "memory_parts": memory_parts, "genotype": _document(genotype)}
    candidate = Candidate({**message, "folder": None if folder is None else os.fspath(folder)})
    value = function(candidate, Report(candidate, _Printer()))
    members = result_message(0, value)
    del members["type"], members["id"]
    return Result(**{"seconds": candidate.seconds, **members})


class _Printer:
    """Prints progress, not more often than a person can read it."""

    def __init__(self) -> None:
        self._last = -1.0

    def progress(self, message: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if self._last >= 0 and now - self._last < 1 and message.get("step") != message.get("steps"):
            return
        self._last = now
        words = [f"{name} {message[name]:g}" for name in ("repeat", "loss") if name in message]
        if "step" in message:
            words.insert(0, f"step {message['step']} of {message.get('steps', '?')}")
        print(", ".join(words), file=sys.stderr)

    def stop_requested(self, candidate: int) -> bool:
        return False


def _document(genotype: Any) -> Any:
    if isinstance(genotype, Mapping):
        return genotype
    if isinstance(genotype, (str, os.PathLike)):
        from hierevo.genotype import Genotype  # noqa: PLC0415

        return Genotype.from_file(genotype).to_dict()
    return genotype.to_dict()
