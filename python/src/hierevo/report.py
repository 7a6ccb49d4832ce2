"""How an evaluation function reports its progress, and learns that it should stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Protocol, SupportsFloat, SupportsInt

from hierevo.candidate import Candidate


class Stopped(BaseException):
    """The search is being stopped, and with it the evaluation.

    report() raises it; a function may do so once `report.stop_requested`. As KeyboardInterrupt it
    is no Exception, so `except Exception` lets it pass.
    """


class Diverged(ArithmeticError):
    """A training has diverged, so the candidate has no fitness. A function may raise it."""


class Audience(Protocol):
    """Who listens to reports."""

    def progress(self, message: dict[str, Any]) -> None:
        """A `progress` message of the evaluator protocol."""

    def stop_requested(self, candidate: int) -> bool:
        """Whether the evaluation of the candidate with this id should stop."""


class Report:
    """Reports the progress of one candidate's evaluation.

    The first call of a training may be made before its first step and the last one behind it; calls
    cost some microseconds, so there may be one in each step. Any thread may call.
    """

    __slots__ = ("_audience", "_candidate", "_saved_at")

    def __init__(self, candidate: Candidate, audience: Audience) -> None:
        """Of `candidate`, to `audience`."""
        self._candidate = candidate
        self._audience = audience
        self._saved_at = time.monotonic()

    @property
    def stop_requested(self) -> bool:
        """Whether the search is being stopped: save, and raise Stopped. Costs nothing to ask."""
        return self._audience.stop_requested(self._candidate.id)

    def __call__(
        self,
        *,
        step: SupportsInt | None = None,
        steps: SupportsInt | None = None,
        loss: SupportsFloat | None = None,
        repeat: SupportsInt | None = None,
        save: Callable[[], object] | None = None,
        save_every: float = 300.0,
    ) -> None:
        """Reports that `step` of `steps` are done, the latest loss, and the repeat (from 0).

        `save` saves the half-trained state, as by Candidate.saving(). It is called when the search
        is being stopped, and otherwise when the last time was `save_every` seconds ago, so that a
        search that is killed loses no more than that. Without a run it is not called.

        Raises Stopped when the search is being stopped, after `save`; Diverged if `loss` is NaN or
        infinite.
        """
        message: dict[str, Any] = {"type": "progress", "id": self._candidate.id}
        if repeat is not None:
            message["repeat"] = int(repeat)
        if step is not None:
            message["step"] = int(step)
        if steps is not None:
            message["steps"] = int(steps)
        if loss is not None:
            message["loss"] = number = float(loss)
            if not math.isfinite(number):
                raise Diverged(f"The loss is {number}" + (f" at step {step}" if step else ""))
        if self._candidate.earlier_seconds > 0:
            message["earlier_seconds"] = self._candidate.earlier_seconds
        self._audience.progress(message)
        stop = self.stop_requested
        if save is not None:
            now = time.monotonic()
            due = stop or now - self._saved_at >= save_every
            if due and self._candidate.folder is not None:
                save()
                self._saved_at = now
        if stop:
            raise Stopped
