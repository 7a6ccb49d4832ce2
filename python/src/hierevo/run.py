"""Runs: what a search has found so far."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hierevo.errors import DamageWarning, FileError, MissingFileError
from hierevo.evaluation_limits import MOST_METRICS
from hierevo.files import PathLike, shown_json
from hierevo.folder_lock import is_in_use, present_state
from hierevo.individuals import CandidateRecord, Individual, best_of, pareto_front
from hierevo.ini_text import read_options
from hierevo.replay import load_search
from hierevo.snapshot import Settings
from hierevo.tables import Columns, frame_of

if TYPE_CHECKING:
    from hierevo.genotype import Genotype


def open_run(folder: PathLike) -> Run:
    """The run in a folder of `hierevo search --run`, running or ended, up to its latest result.

    Reads only files in that folder, and takes no lock. What is damaged and not needed is warned of
    (DamageWarning). Raises FileError when there is no run, or none that can be read, and
    NewerVersionError when a newer hierevo wrote it.
    """
    return Run(folder)


_LARGEST = 2**63 - 1  # of the integers of a column


class Run:
    """What the files of a run said when they were read: by open_run(), or the last refresh()."""

    folder: str
    settings: Settings
    """What defines the search: its space, algorithm, population, number of evaluations, seed."""
    history: list[Individual]
    """The evaluated candidates, in the order in which their results arrived."""
    in_flight: list[CandidateRecord]
    """Candidates that were being evaluated, by id."""
    state: str
    """"running", "finished", "saved" (stopped on request) or "stopped"."""
    progress: dict[str, float]
    """`elapsed_seconds` of searching, over all starts; `busy_seconds` and `worker_seconds`, the
    time that evaluators evaluated and that they were there; `workers`; `unix_seconds` of the
    snapshot."""
    warnings: list[str]
    """What is damaged and was not needed."""

    def __init__(self, folder: PathLike) -> None:
        """As open_run()."""
        self.folder = os.fspath(folder)
        self.refresh()

    def __repr__(self) -> str:
        """What and how far it is."""
        done, target = len(self.history), self.settings.evaluations
        state = self.state.encode("unicode_escape").decode()  # a file may have any text there
        return f"<hierevo.Run '{self.folder}': {state}, {done} of {target} evaluations>"

    def refresh(self) -> Run:
        """Reads the files again, and returns the same object. Raises what open_run() raises, and
        then stays as it was.
        """
        # The lock first: a search that ends in between is then shown as running once more, never a
        # running one as stopped.
        in_use = is_in_use(self.folder)
        try:
            saved = load_search(self._file("search.h5"), self._file("journal"))
        except MissingFileError as error:
            raise self._no_run() from error
        self.settings = saved.settings
        self.history = saved.history
        self.in_flight = saved.in_flight
        self.state = present_state(saved.state, in_use)
        self.progress = self._latest_progress(saved.progress, in_use)
        self.warnings = saved.warnings
        self._places = {one.id: place for place, one in enumerate(saved.history)}
        for text in saved.warnings:
            warnings.warn(text, DamageWarning, stacklevel=2)
        return self

    @property
    def config(self) -> dict[str, str]:
        """The options in force, by name, as `config.ini` records them. Raises FileError."""
        return read_options(self._file("config.ini"))

    @property
    def target(self) -> int:
        """Number of evaluations after which the search is finished."""
        return self.settings.evaluations

    @property
    def columns(self) -> Columns:
        """The evaluated candidates as a table: arrays of equal length, by the names of columns.

        A row for each result, in the order in which they arrived:
        id, parent (0: none, random), status (text), fitness (NaN without one), repeat_fitness and
        repeat_loss (tuples), seconds, parameters, macs, phenotype (16 hexadecimal digits), worker
        (rank), finished_at (seconds of searching; NaN: not recorded), reason, seed, known (number
        of results when it was made; -1: not recorded), and `metrics.NAME` for each metric that an
        evaluator has measured (NaN where it has not).
        """
        return table_of(self.history)

    @property
    def individuals(self) -> Any:
        """`columns` as a pandas.DataFrame; where pandas is not installed, `columns`."""
        return frame_of(self.columns)

    @property
    def best(self) -> Individual | None:
        """The individual with the highest fitness, the earliest of equals; None without any."""
        return best_of(self.history)

    @property
    def front(self) -> list[Individual]:
        """The Pareto front by `settings.objectives`: the individuals that no other one dominates,
        of equals the earliest; the best in the first objective first. With one objective it is the
        best one alone.
        """
        return pareto_front(self.history, self.settings.objectives)

    def individual(self, id: int) -> Individual:
        """The evaluated candidate of that id. Raises KeyError for an id that has no result."""
        if id not in self._places:
            raise KeyError(f"'{self.folder}' has no result of a candidate {id}")
        return self.history[self._places[id]]

    def lineage(self, id: int) -> list[Individual]:
        """The individual and its ancestors, up to the random one that they come from. Raises
        KeyError.
        """
        line = [self.individual(id)]
        while line[-1].parent is not None:  # parents come earlier
            line.append(self.individual(line[-1].parent))
        return line

    def genotype(self, id: int) -> Genotype:
        """The genotype of a candidate, evaluated or in flight. Raises KeyError."""
        in_flight = {one.id: one for one in self.in_flight}
        candidate = in_flight[id] if id in in_flight else self.individual(id)
        return _genotype(self.settings.space, candidate.genes)

    def _file(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _no_run(self) -> FileError:
        if not os.path.isdir(self.folder):
            suggestion = "Give the --run folder of a search."
            if os.path.exists(self.folder):
                return FileError(self.folder, "it is a file", suggestion)
            return MissingFileError(self.folder, "it is not there", suggestion)
        if os.path.isdir(self._file("repeat-1")):
            problem = "it is the folder of a training"
            return FileError(self.folder, problem, "Use open_training().")
        problem = "there is no run in this folder (it has no search.h5)"
        if os.path.exists(self._file("journal")):
            problem = "it has a journal but no snapshot"
            return FileError(self.folder, problem, "Restore search.h5.")
        return FileError(self.folder, problem, "Give the --run folder of a search.")

    def _latest_progress(self, saved: dict[str, float], in_use: bool) -> dict[str, float]:
        """The snapshot's, or that of progress.json and the journal, which are newer."""
        shown = shown_json(self._file("progress.json")) if in_use else {}
        names = ("elapsed_seconds", "busy_seconds", "worker_seconds", "workers")
        numbers = {name: shown.get(name) for name in names}
        if all(type(value) in (int, float) for value in numbers.values()):
            newer = {name: value for name, value in numbers.items() if value is not None}
            if newer["elapsed_seconds"] > saved["elapsed_seconds"]:
                saved = {**saved, **newer}
        latest = (self.history[-1].finished_at if self.history else None) or 0.0
        return {**saved, "elapsed_seconds": max(saved["elapsed_seconds"], latest)}


def table_of(history: list[Individual]) -> Columns:
    """Run.columns of a history."""

    def column(values: Iterable[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        return np.fromiter(values, dtype, len(history))

    nan = float("nan")
    table: Columns = {
        "id": column((one.id for one in history), np.int64),
        "parent": column((one.parent or 0 for one in history), np.int64),
        "status": column((one.status for one in history), object),
        "fitness": column((one.fitness if one.has_fitness else nan for one in history), np.float64),
        "repeat_fitness": column((one.repeat_fitness for one in history), object),
        "repeat_loss": column((one.repeat_loss for one in history), object),
        "seconds": column((one.seconds for one in history), np.float64),
        "parameters": column((one.parameters for one in history), np.int64),
        "macs": column((one.macs for one in history), np.int64),
        "phenotype": column((f"{one.phenotype:016x}" for one in history), object),
        "worker": column((one.worker for one in history), np.int64),
        "finished_at": column(
            (nan if one.finished_at is None else one.finished_at for one in history), np.float64
        ),
        "reason": column((one.reason for one in history), object),
        "seed": column((one.seed for one in history), np.uint64),
        "known": column(
            (-1 if one.known is None else min(one.known, _LARGEST) for one in history), np.int64
        ),
    }
    for name in _metric_names(history):
        values = (one.metrics.get(name, nan) for one in history)
        table[f"metrics.{name}"] = column(values, np.float64)
    return table


def _metric_names(history: list[Individual]) -> list[str]:
    """As they appear first. No more than one individual may have, so that evaluators that make up
    names do not make the table as wide as it is long.
    """
    names: dict[str, None] = {}
    for one in history:
        for name in one.metrics:
            if len(names) == MOST_METRICS:
                return list(names)
            names[name] = None
    return list(names)


def _genotype(space: str, genes: bytes) -> Genotype:
    """As the package's other half has it, which readers do not require."""
    from hierevo.genotype import Genotype  # noqa: PLC0415
    from hierevo.search_space import SearchSpace  # noqa: PLC0415

    return Genotype(SearchSpace.parse(space), list(genes))
