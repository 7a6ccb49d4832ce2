"""`log.jsonl` of a repeat: losses and tests on their way."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hierevo.files import PathLike, read_text
from hierevo.tables import Columns

_STEP = ("loss", "lr", "seconds", "images_per_second", "data_share", "communication_share")
_TEST = ("top1", "top5")


class TrainingLog:
    """What the log of a repeat says. Lines that cannot be read are passed over."""

    def __init__(self, path: PathLike) -> None:
        """Reads the file. Raises FileError."""
        self._steps: list[dict[str, float]] = []
        self._tests: list[dict[str, float]] = []
        self.end: dict[str, float] = {}
        """`top1` and `top5` of the last weights, once the repeat has finished."""
        for line in _objects(read_text(path)):
            self._take(line)

    @property
    def steps(self) -> Columns:
        """A row for each logged step: step, loss, lr, seconds (of training, over all starts),
        images_per_second, data_share and communication_share (of the time); NaN: not known.
        """
        return _columns(self._steps, _STEP)

    @property
    def tests(self) -> Columns:
        """A row for each test on the way: step, top1, top5 (shares of correct answers)."""
        return _columns(self._tests, _TEST)

    def _take(self, line: dict[str, Any]) -> None:
        event, step = line.get("event"), line.get("step")
        if type(step) is not int or not 0 <= step < 1 << 63:
            return
        if event == "start":
            # It resumes from a save, and logs the steps since then again.
            self._steps = [one for one in self._steps if one["step"] <= step]
            self._tests = [one for one in self._tests if one["step"] <= step]
        elif event == "step":
            self._steps.append({"step": step, **_numbers(line, _STEP)})
        elif event == "test":
            self._tests.append({"step": step, **_numbers(line, _TEST)})
        elif event == "end":
            found = _numbers(line, _TEST)
            if not any(math.isnan(value) for value in found.values()):
                self.end = found


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue  # one that a kill has cut off
        if isinstance(value, dict):
            yield value


def _numbers(line: dict[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    """NaN for what is no number: JSON has none for a loss that is not finite."""
    found = {name: line.get(name) for name in names}
    return {
        name: float(value) if type(value) in (int, float) and value is not None else math.nan
        for name, value in found.items()
    }


def _columns(rows: list[dict[str, float]], names: tuple[str, ...]) -> Columns:
    table: Columns = {"step": np.fromiter((int(row["step"]) for row in rows), np.int64, len(rows))}
    for name in names:
        table[name] = np.fromiter((row[name] for row in rows), np.float64, len(rows))
    return table
