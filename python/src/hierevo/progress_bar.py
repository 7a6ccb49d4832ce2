"""The progress bar of a search."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Mapping
from typing import Any


class ProgressBar:
    """Shows how far a search is, by tqdm where it is installed, and the search's messages."""

    available = importlib.util.find_spec("tqdm") is not None

    def __init__(self, shown: bool) -> None:
        """Shown from the first show() on, if at all."""
        self.shown = shown
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        """Shows nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def show(self, status: Mapping[str, Any]) -> None:
        """Updates the bar to what `hierevo status --json` has printed."""
        if not self.shown or "evaluations" not in status:
            return
        evaluations = status["evaluations"]
        if self._bar is None:
            self._bar = _tqdm()(
                total=evaluations["target"], initial=evaluations["done"], unit="evaluation"
            )
        best = status.get("best")
        if best:
            self._bar.set_postfix(best=f"{best['fitness']:.4g}", refresh=False)
        self._bar.update(evaluations["done"] - self._bar.n)

    def write(self, line: str) -> None:
        """Prints a message, above the bar."""
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)


def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook without widgets it draws a bar of text
        from tqdm.auto import tqdm  # noqa: PLC0415
    return tqdm
