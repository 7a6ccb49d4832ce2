"""Candidates and evaluations as bytes, as journals have them and checksums cover them."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

from hierevo.checksums import crc32c
from hierevo.evaluation_limits import (
    LONGEST_REASON,
    MOST_METRICS,
    MOST_REPEATS,
    OTHER_NUMBERS,
    is_metric_name,
)
from hierevo.individuals import STATUSES, CandidateRecord, Evaluation

NOT_KNOWN = (1 << 64) - 1
"""Stands for a CandidateRecord.known that was not recorded."""
_MOST_OBJECTIVES = 8


class Bad(Exception):
    """The bytes are none of what they should be."""


class ByteReader:
    """Takes values off the front of bytes. Its methods raise Bad where they cannot."""

    def __init__(self, data: bytes) -> None:
        """Begins with the first byte."""
        self._data = data
        self._at = 0

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._data)

    def require_end(self) -> None:
        """Raises Bad where something is left."""
        if not self.at_end():
            raise Bad

    def numbers(self, layout: str) -> tuple[int | float, ...]:
        """By struct's letters; little-endian, without padding."""
        size = struct.calcsize("<" + layout)
        return struct.unpack("<" + layout, self._take(size))

    def u64(self) -> int:
        """An unsigned integer of 64 bits."""
        return int.from_bytes(self._take(8), "little")

    def u32(self) -> int:
        """An unsigned integer of 32 bits."""
        return int.from_bytes(self._take(4), "little")

    def f64(self) -> float:
        """A floating-point number of 64 bits."""
        return float(self.numbers("d")[0])

    def counted(self, most: int) -> bytes:
        """Bytes after their number."""
        return self._take(self._count(most))

    def floats(self, most: int) -> tuple[float, ...]:
        """Numbers of 64 bits after their number."""
        return self.numbers(f"{self._count(most)}d")

    def _count(self, most: int) -> int:
        count = self.u32()
        if count > most:
            raise Bad
        return count

    def _take(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise Bad
        self._at += size
        return piece


def read_candidate(data: ByteReader, largest_genes: bytes) -> CandidateRecord:
    """The next of `data`, whose genes are at most `largest_genes`. Raises Bad."""
    id_, parent, seed, known = (data.u64() for _ in range(4))
    genes = data.counted(len(largest_genes))
    if id_ == 0 or not genes_fit(genes, largest_genes):
        raise Bad
    return CandidateRecord(id_, parent or None, seed, None if known == NOT_KNOWN else known, genes)


def genes_fit(genes: Sequence[int], largest_genes: bytes) -> bool:
    """Whether they are genes of the space whose largest genes are given."""
    if len(genes) != len(largest_genes):
        return False
    return all(gene <= largest for gene, largest in zip(genes, largest_genes))


def read_evaluation(data: ByteReader) -> Evaluation:
    """The rest of `data`, as a journal of any version has it. Raises Bad."""
    status = data.numbers("B")[0]
    fitness = data.f64()
    repeat_fitness = data.floats(MOST_REPEATS)
    repeat_loss = data.floats(MOST_REPEATS)
    seconds, parameters, macs, phenotype, worker = data.numbers("dqqQq")
    reason = data.counted(LONGEST_REASON).decode("utf-8", "replace")
    if status >= len(STATUSES) or not 0 <= worker < 1 << 31:
        raise Bad
    # Version 3 ends before the time, version 4 before the metrics.
    finished_at = None if data.at_end() else recorded_time(data.f64())
    metrics = {} if data.at_end() else _read_metrics(data)
    data.require_end()
    evaluation = Evaluation(
        STATUSES[int(status)],
        fitness,
        repeat_fitness,
        repeat_loss,
        seconds,
        int(parameters),
        int(macs),
        int(phenotype),
        int(worker),
        reason,
        finished_at,
        metrics,
    )
    if problem_with(evaluation):
        raise Bad
    return evaluation


def _read_metrics(data: ByteReader) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for _ in range(data.u32()):
        name = data.counted(64).decode("utf-8", "replace")
        if len(metrics) == MOST_METRICS or (metrics and name <= max(metrics)):
            raise Bad
        metrics[name] = data.f64()
    return metrics


def recorded_time(stored: float) -> float | None:
    """None for what stands for a time that was not recorded."""
    return stored if math.isfinite(stored) and stored >= 0 else None


def problem_with(evaluation: Evaluation) -> str:
    """What no evaluation can be, or an empty text."""
    if not math.isfinite(evaluation.fitness) or evaluation.fitness < 0:
        return f"a fitness of {evaluation.fitness}"
    if not math.isfinite(evaluation.seconds) or evaluation.seconds < 0:
        return f"a duration of {evaluation.seconds} s"
    if max(len(evaluation.repeat_fitness), len(evaluation.repeat_loss)) > MOST_REPEATS:
        return f"results of more than {MOST_REPEATS} repeats"
    return _problem_with_metrics(evaluation.metrics)


def _problem_with_metrics(metrics: Mapping[str, float]) -> str:
    if len(metrics) > MOST_METRICS:
        return f"more than {MOST_METRICS} metrics"
    for name, value in metrics.items():
        if not is_metric_name(name):
            return f"a metric with the impossible name {name[:80]!r}"
        if not math.isfinite(value):
            return f"a metric {name} of {value}"
    return ""


def objectives_are_possible(text: str) -> bool:
    """Whether it names what a search can compare: "fitness,-parameters"."""
    names = [one[1:] if one.startswith("-") else one for one in text.split(",")]
    known = all(name in OTHER_NUMBERS or is_metric_name(name) for name in names)
    return known and len(set(names)) == len(names) <= _MOST_OBJECTIVES


def candidate_bytes(candidate: CandidateRecord) -> bytes:
    """As read_candidate() reads them."""
    known = NOT_KNOWN if candidate.known is None else candidate.known
    numbers = struct.pack("<4Q", candidate.id, candidate.parent or 0, candidate.seed, known)
    return numbers + struct.pack("<I", len(candidate.genes)) + candidate.genes


def evaluation_bytes(evaluation: Evaluation) -> bytes:
    """What was computed, as checksums cover it: without the time, and without metrics as before
    there were any.
    """
    reason = evaluation.reason.encode("utf-8", "replace")[:LONGEST_REASON]
    parts = [
        struct.pack("<Bd", STATUSES.index(evaluation.status), evaluation.fitness),
        _floats_bytes(evaluation.repeat_fitness),
        _floats_bytes(evaluation.repeat_loss),
        struct.pack(
            "<dqqQqI",
            evaluation.seconds,
            evaluation.parameters,
            evaluation.macs,
            evaluation.phenotype,
            evaluation.worker,
            len(reason),
        ),
        reason,
    ]
    if evaluation.metrics:
        parts.append(_metrics_bytes(evaluation.metrics))
    return b"".join(parts)


def _floats_bytes(values: tuple[float, ...]) -> bytes:
    return struct.pack(f"<I{len(values)}d", len(values), *values)


def _metrics_bytes(metrics: Mapping[str, float]) -> bytes:
    parts = [struct.pack("<I", len(metrics))]
    for name, value in sorted(metrics.items()):
        parts.append(struct.pack("<I", len(name)) + name.encode() + struct.pack("<d", value))
    return b"".join(parts)


def checksum_of(candidate: CandidateRecord) -> int:
    """Of the candidate's bytes."""
    return crc32c(candidate_bytes(candidate))
