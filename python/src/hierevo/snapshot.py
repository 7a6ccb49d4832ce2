"""Snapshots of a search: `search.h5` and the earlier ones that are kept (io/FORMAT.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hierevo.checksummed_file import read_checksummed
from hierevo.errors import FileError, MissingFileError, NewerVersionError
from hierevo.files import PathLike
from hierevo.h5_reading import Node, Unusable, opened_bytes
from hierevo.individuals import STATUSES, CandidateRecord, Evaluation, Individual
from hierevo.record_bytes import (
    NOT_KNOWN,
    genes_fit,
    objectives_are_possible,
    problem_with,
    recorded_time,
)
from hierevo.space_genes import canonical_name, largest_genes

_LONGEST = 1 << 32
_VERSION = 2
_ALGORITHMS = ("evolution", "aging", "random")
_PROGRESS = {
    "unix_seconds": "i8",
    "elapsed_seconds": "f8",
    "busy_seconds": "f8",
    "worker_seconds": "f8",
    "workers": "i4",
}


@dataclass(frozen=True)
class Settings:
    """What defines a search."""

    space: str
    algorithm: str
    population: int
    evaluations: int
    tournament: float
    seed: int
    start_mutations: int
    objectives: str = "fitness"
    """What tournaments compare, with commas between; a `-` where less is better."""


@dataclass
class SavedSearch:
    """A search at one moment."""

    settings: Settings
    history: list[Individual]
    """In the order in which results arrived."""
    in_flight: list[CandidateRecord]
    """By id."""
    progress: dict[str, float]
    state: str
    incarnation: int
    program: str
    warnings: list[str] = field(default_factory=list)


def kept_names(path: PathLike) -> list[str]:
    """Those of a file and the two before it, newest first."""
    return [os.fspath(path) + ending for ending in ("", ".1", ".2")]


def load_snapshot(path: PathLike) -> SavedSearch:
    """The first good one of the highest incarnation, of a file and the two before it.

    `warnings` says why others could not be used. Raises NewerVersionError, FileError when none can
    be used, and MissingFileError when there is none.
    """
    found = _first_good(kept_names(path), path)
    newest_start = _newest_incarnation(os.path.dirname(os.fspath(path)) or ".")
    # A start that another has replaced may have written late; usually, the others need not be read.
    if 0 < newest_start <= found.incarnation:
        return found
    names = kept_names(path)
    incarnations = [_incarnation_in(name) for name in names]
    highest = incarnations.index(max(incarnations))
    if any(incarnations[:highest]):
        names.insert(0, names.pop(highest))
    return _first_good(names, path)


def read_snapshot(path: PathLike) -> SavedSearch:
    """The search in a file. Raises MissingFileError, NewerVersionError and FileError."""
    content = read_checksummed(path, "snapshot", _LONGEST)
    with opened_bytes(content, path) as root:
        check_format(root, path, "hierevo.search", _VERSION)
        saved = _read_content(root)
        _check_state(saved)
        return saved


def check_format(root: Node, path: PathLike, name: str, newest: int) -> str:
    """Returns the version of the program that wrote it. Raises NewerVersionError and Unusable."""
    if root.text("format") != name:
        raise Unusable(f"its format is '{root.text('format')[:80]}' instead of '{name}'")
    version = root.attribute("version", "u4")
    program = root.text("program")[:80]
    if version > newest:
        raise NewerVersionError(
            path,
            f"it was written by hierevo {program} (its format has version {version}, and this "
            f"package reads up to {newest})",
            f"Use hierevo {program} or newer.",
        )
    if version == 0:
        raise Unusable("its version is 0")
    return program


def _first_good(names: list[str], path: PathLike) -> SavedSearch:
    problems: list[FileError] = []
    for name in names:
        try:
            saved = read_snapshot(name)
        except NewerVersionError:
            raise
        except FileError as error:
            problems.append(error)
            continue
        saved.warnings = [f"{problem} '{name}' is used." for problem in problems]
        return saved
    unusable = [error for error in problems if not isinstance(error, MissingFileError)]
    if not unusable:
        raise MissingFileError(path, "there is no such file")
    raise FileError(
        path,
        "none of its snapshots can be used (" + " ".join(map(str, unusable)) + ")",
        "Restore a snapshot from a backup.",
    )


def _newest_incarnation(folder: str) -> int:
    """Of the start that owns the folder, by the names of its files; 0 where there is none."""
    try:
        names = os.listdir(folder)
    except OSError:
        return 0
    found = (re.fullmatch(r"owner-([1-9]\d{0,18})", name) for name in names)
    return max((int(one[1]) for one in found if one is not None), default=0)


def _incarnation_in(path: str) -> int:
    try:
        content = read_checksummed(path, "snapshot", _LONGEST)
        with opened_bytes(content, path) as root:
            return _read_incarnation(root)
    except FileError:
        return 0


def _read_incarnation(root: Node) -> int:
    """Files of the first versions have none."""
    return int(root.attribute("incarnation", "u8")) if root.has_attribute("incarnation") else 0


def _read_content(root: Node) -> SavedSearch:
    settings = _read_settings(root)
    largest = largest_genes(settings.space)
    individuals = root.group("individuals")
    candidates = list(_read_candidates(individuals, largest))
    evaluations = _read_evaluations(individuals, len(candidates))
    progress = root.group("progress")
    return SavedSearch(
        settings=settings,
        history=[Individual.of(*pair) for pair in zip(candidates, evaluations)],
        in_flight=sorted(_read_candidates(root.group("in_flight"), largest), key=lambda c: c.id),
        progress={name: progress.attribute(name, kind) for name, kind in _PROGRESS.items()},
        state=progress.text("state"),
        incarnation=_read_incarnation(root),
        program=root.text("program")[:80],
    )


def _read_settings(root: Node) -> Settings:
    settings = Settings(
        canonical_name(root.text("space")),
        root.text("algorithm"),
        int(root.attribute("population", "u8")),
        int(root.attribute("evaluations", "u8")),
        root.attribute("tournament", "f8"),
        int(root.attribute("seed", "u8")),
        int(root.attribute("start_mutations", "i4")),
        root.text("objectives") if root.has_attribute("objectives") else "fitness",
    )
    possible = (
        settings.algorithm in _ALGORITHMS
        and settings.population >= 2
        and settings.evaluations >= 1
        and 0 < settings.tournament <= 1
        and settings.start_mutations >= 0
        and objectives_are_possible(settings.objectives)
    )
    if not possible:
        raise Unusable(f"its settings are impossible: {settings}")
    return settings


def _read_candidates(group: Node, largest: bytes) -> Iterator[CandidateRecord]:
    ids = group.array("id", "u8").tolist()
    rows = len(ids)
    parents = group.array("parent", "u8", rows=rows).tolist()
    seeds = group.array("seed", "u8", rows=rows).tolist()
    genotypes = group.array("genotype", "u1", 2, rows)
    known = [NOT_KNOWN] * rows
    if group.has("known"):
        known = group.array("known", "u8", rows=rows).tolist()
    for i, id_ in enumerate(ids):
        genes = genotypes[i].tobytes()
        if not genes_fit(genes, largest):
            raise Unusable(f"candidate {id_} has genes that are not of its search space")
        yield CandidateRecord(
            id_, parents[i] or None, seeds[i], None if known[i] == NOT_KNOWN else known[i], genes
        )


def _read_evaluations(group: Node, rows: int) -> Iterator[Evaluation]:
    statuses = group.statuses("status", rows, STATUSES).tolist()
    repeat_fitness = _read_repeats(group, "repeat_fitness", rows)
    repeat_loss = _read_repeats(group, "repeat_loss", rows)
    times = [-1.0] * rows
    if group.has("finished_at"):
        times = group.array("finished_at", "f8", rows=rows).tolist()
    numbers = {
        name: group.array(name, kind, rows=rows).tolist()
        for name, kind in (
            ("fitness", "f8"),
            ("seconds", "f8"),
            ("parameters", "i8"),
            ("macs", "i8"),
            ("phenotype", "u8"),
            ("worker", "i4"),
        )
    }
    reasons = group.texts("reason", rows)
    metrics = _read_metrics(group, rows)
    for i in range(rows):
        if statuses[i] >= len(STATUSES):
            raise Unusable(f"row {i} has the unknown status {statuses[i]}")
        evaluation = Evaluation(
            status=STATUSES[statuses[i]],
            repeat_fitness=repeat_fitness[i],
            repeat_loss=repeat_loss[i],
            reason=reasons[i],
            finished_at=recorded_time(times[i]),
            metrics=metrics[i],
            **{name: values[i] for name, values in numbers.items()},
        )
        if problem := problem_with(evaluation):
            raise Unusable(f"row {i} has {problem}")
        yield evaluation


def _read_repeats(group: Node, name: str, rows: int) -> list[tuple[float, ...]]:
    """Of each row the values without the padding."""
    table = group.array(name, "f8", 2, rows)
    counts = group.array(f"{name}_count", "u4", rows=rows).tolist()
    if max(counts, default=0) > table.shape[1]:
        raise Unusable(f"{name}_count says more repeats than the table has")
    return [tuple(row[:count]) for row, count in zip(table.tolist(), counts)]


def _read_metrics(group: Node, rows: int) -> list[dict[str, float]]:
    metrics: list[dict[str, float]] = [{} for _ in range(rows)]
    if not group.has("metrics"):
        return metrics
    table = group.group("metrics")
    names = table.texts("names")
    individuals = table.array("individual", "u8").tolist()
    of_names = table.array("name", "u4", rows=len(individuals)).tolist()
    values = table.array("value", "f8", rows=len(individuals)).tolist()
    for row, name, value in zip(individuals, of_names, values):
        if row >= rows or name >= len(names) or names[name] in metrics[row]:
            raise Unusable("a metric is there twice, or of what does not exist")
        metrics[row][names[name]] = value
    return metrics


def _check_state(saved: SavedSearch) -> None:
    ids = [one.id for one in (*saved.history, *saved.in_flight)]
    if sorted(ids) != list(range(1, len(ids) + 1)):
        raise Unusable("its candidates are not numbered from 1 without a gap")
    seen: set[int] = set()
    for one in saved.history:
        _check_parent(one, seen)
        seen.add(one.id)
    for candidate in saved.in_flight:
        _check_parent(candidate, seen)


def _check_parent(candidate: CandidateRecord, seen: set[int]) -> None:
    if candidate.parent is None or candidate.parent in seen:
        return
    problem = f"the parent {candidate.parent}, which does not come before it"
    raise Unusable(f"candidate {candidate.id} has {problem}")
