"""Final trainings: what `hierevo train` has written so far."""

from __future__ import annotations

import os
import re
import statistics
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from hierevo.errors import DamageWarning, FileError, NewerVersionError
from hierevo.files import PathLike, read_json, shown_json
from hierevo.folder_lock import is_in_use, present_state
from hierevo.ini_text import read_options
from hierevo.snapshot import kept_names
from hierevo.tables import frame_of
from hierevo.training_log import TrainingLog
from hierevo.training_snapshot import TrainingSnapshot, read_training_snapshot

if TYPE_CHECKING:
    from hierevo.genotype import Genotype


def open_training(folder: PathLike) -> Training:
    """The training in a folder of `hierevo train --out`, running or ended.

    Reads only files in that folder, and takes no lock. Raises FileError when there is no training,
    or one that cannot be read.
    """
    return Training(folder)


class Training:
    """What the files of a training said when they were read: by open_training(), or the last
    refresh().
    """

    folder: str
    options: dict[str, str]
    """The options in force, by name, as `config.ini` records them."""
    genotype_json: dict[str, Any]
    """The cell that is trained, as JSON (io/FORMAT.md, "Genotype")."""
    data: dict[str, Any]
    """What it is trained on, as `data.json` says: `name`, `classes`, `class_names`, …"""
    repeats: list[Repeat]
    """The repeats that have begun, by number."""
    state: str
    """"running", "finished", "saved" or "stopped"."""

    def __init__(self, folder: PathLike) -> None:
        """As open_training()."""
        self.folder = os.fspath(folder)
        self.refresh()

    def __repr__(self) -> str:
        """What and how far it is."""
        done = len([one for one in self.repeats if one.state == "finished"])
        return f"<hierevo.Training '{self.folder}': {self.state}, {done} repeats finished>"

    def refresh(self) -> Training:
        """Reads the files again, and returns the same object. Raises as open_training()."""
        if not all(map(os.path.exists, (self._file("genotype.json"), self._file("config.ini")))):
            raise FileError(
                self.folder,
                "there is no training (it has no genotype.json and config.ini)",
                "Give the folder of a hierevo train --out.",
            )
        # Before the rest: one that ends in between is then shown as running.
        in_use = is_in_use(self.folder)
        genotype = read_json(self._file("genotype.json"))
        if not isinstance(genotype, dict):
            raise FileError(self._file("genotype.json"), "it is no genotype (not a JSON object)")
        self.options = read_options(self._file("config.ini"))
        self.genotype_json = genotype
        self.data = shown_json(self._file("data.json"))
        self.repeats = [
            Repeat(folder, number, _whole_text(self.options.get("steps", "")))
            for number, folder in self._repeat_folders()
        ]
        self.state = self._state(in_use)
        return self

    @property
    def genotype(self) -> Genotype:
        """The cell that is trained. Raises ValueError for what is no genotype."""
        from hierevo.genotype import Genotype  # noqa: PLC0415

        return Genotype.from_json(self.genotype_json)

    @property
    def test_accuracy(self) -> float | None:
        """Mean over the finished repeats of the share of correct answers of the last weights; None
        before one has finished.
        """
        found = self._accuracies()
        return statistics.fmean(found) if found else None

    @property
    def test_accuracy_deviation(self) -> float | None:
        """Standard deviation over the finished repeats; None before two have."""
        found = self._accuracies()
        return statistics.stdev(found) if len(found) > 1 else None

    @property
    def result(self) -> dict[str, Any]:
        """`result.json`: what `hierevo train` has printed at its end; empty before."""
        return shown_json(self._file("result.json"))

    def _accuracies(self) -> list[float]:
        finished = (one.top1 for one in self.repeats if one.state == "finished")
        return [top1 for top1 in finished if top1 is not None]

    def _file(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _repeat_folders(self) -> list[tuple[int, str]]:
        names = (re.fullmatch(r"repeat-([1-9]\d{0,8})", name) for name in os.listdir(self.folder))
        folders = ((int(name[1]), self._file(name[0])) for name in names if name is not None)
        return sorted(
            (number, folder)
            for number, folder in folders
            if os.path.exists(os.path.join(folder, "log.jsonl"))
        )

    def _state(self, in_use: bool) -> str:
        """By those of the repeats. One with repeats that have not begun is saved."""
        states = {one.state for one in self.repeats}
        if in_use or "running" in states:
            return "running"
        for state in ("stopped", "saved"):
            if state in states:
                return state
        if not self.repeats:
            return "stopped"
        wanted = _whole_text(self.options.get("repeats", ""))
        return "saved" if len(self.repeats) < wanted else "finished"


class Repeat:
    """One of the independent trainings, as its files said when they were read."""

    def __init__(self, folder: str, number: int, steps: int) -> None:
        """Reads its log, which is there; `steps` are to be made. Raises FileError."""
        self.folder = folder
        self.number = number
        """From 1."""
        in_use = is_in_use(folder)
        self._log = TrainingLog(os.path.join(folder, "log.jsonl"))
        progress = shown_json(os.path.join(folder, "progress.json"))
        recorded = progress.get("state")
        self.state: str = "finished"
        """"running", "finished", "saved" or "stopped"."""
        if not self._log.end:
            self.state = present_state(recorded if isinstance(recorded, str) else "running", in_use)
        self.step = _whole(progress.get("step"))
        """Steps that were made."""
        self.steps = _whole(progress.get("steps")) or steps
        """Steps in all."""
        self.loss: float | None = None
        """The last logged one that is a number."""
        table = self._log.steps
        logged = np.flatnonzero(~np.isnan(table["loss"]))
        if len(logged) > 0:
            self.step = max(self.step, int(table["step"][logged[-1]]))
            self.loss = float(table["loss"][logged[-1]])
        self.top1: float | None = None
        """Share of correct answers of the last test; once it has finished, of the last weights."""
        tested = self._log.end.get("top1", _last_number(self._log.tests["top1"]))
        if tested is not None:
            self.top1 = tested

    def __repr__(self) -> str:
        """What and how far it is."""
        return f"<hierevo.Repeat '{self.folder}': {self.state}, step {self.step} of {self.steps}>"

    @property
    def history(self) -> Any:
        """A row for each logged step, as pandas.DataFrame or else as columns: step, loss, lr,
        seconds (of training, over all starts), images_per_second, data_share and
        communication_share (of the time).
        """
        return frame_of(self._log.steps)

    @property
    def tests(self) -> Any:
        """A row for each test on the way, likewise: step, top1, top5 (shares of the images)."""
        return frame_of(self._log.tests)

    @property
    def result(self) -> dict[str, Any]:
        """`result.json`: its part of what `hierevo train` prints; empty before it has finished."""
        return shown_json(os.path.join(self.folder, "result.json"))

    @property
    def last(self) -> str:
        """Path of the last weights, which is there after the first save."""
        return os.path.join(self.folder, "last.h5")

    @property
    def best(self) -> str:
        """Path of the weights that were best in a test, which is there after the first test."""
        return os.path.join(self.folder, "best.h5")

    def snapshot(self) -> TrainingSnapshot:
        """The newest complete one of the last weights. A damaged one is passed over with a
        DamageWarning. Raises FileError.
        """
        problems: list[FileError] = []
        for name in kept_names(self.last):
            try:
                found = read_training_snapshot(name)
            except NewerVersionError:
                raise
            except FileError as error:
                problems.append(error)
                continue
            for problem in problems:
                warnings.warn(f"{problem} '{name}' is used.", DamageWarning, stacklevel=2)
            return found
        raise problems[0]


def _whole(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 63 else 0


def _whole_text(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def _last_number(values: Any) -> float | None:
    numbers = values[~np.isnan(values)]
    return float(numbers[-1]) if len(numbers) > 0 else None
