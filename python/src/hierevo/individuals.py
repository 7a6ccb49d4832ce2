"""Candidates of a search and what came out of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from hierevo.evaluation_limits import OTHER_NUMBERS

STATUSES = (
    "evaluated",
    "reused",
    "invalid",
    "over_budget",
    "diverged",
    "out_of_memory",
    "crashed",
    "timed_out",
    "failed",
)
"""How evaluations end, in the order of the numbers in files; from "diverged" on as failures."""


@dataclass(frozen=True)
class CandidateRecord:
    """What a run has of a genotype that was handed out to be evaluated."""

    id: int
    """From 1, in the order of creation."""
    parent: int | None
    """Id of the individual it was mutated from; None: random."""
    seed: int
    """All randomness of its evaluation comes from it."""
    known: int | None
    """Number of results that were there when it was made; None: not recorded."""
    genes: bytes = field(repr=False)
    """A gene for each edge, in the order of io/FORMAT.md."""


@dataclass(frozen=True)
class Evaluation:
    """What came out of a candidate."""

    status: str
    """One of STATUSES."""
    fitness: float
    """At least 0; of trainings the mean validation accuracy. 0 where none was measured."""
    repeat_fitness: tuple[float, ...]
    """Validation accuracy of each repeat."""
    repeat_loss: tuple[float, ...]
    """Training loss at the end of each repeat."""
    seconds: float
    """Wall time of the evaluation."""
    parameters: int
    """Trainable parameters of the network that gave the fitness."""
    macs: int
    """Multiply-accumulates of its forward pass for one image."""
    phenotype: int
    """Hash of the cell without dead parts; 0: invalid."""
    worker: int
    """Rank that evaluated it; 0 when none did."""
    reason: str
    """Why it failed or is over budget, or empty."""
    finished_at: float | None
    """Seconds of searching, over all starts, when its result was recorded; None: not recorded."""
    metrics: Mapping[str, float]
    """What else the evaluator has measured, by name."""

    @property
    def has_fitness(self) -> bool:
        """Whether a fitness was measured, or taken over from the same phenotype."""
        return self.status in ("evaluated", "reused")

    @property
    def failed(self) -> bool:
        """Whether the evaluation failed."""
        return STATUSES.index(self.status) >= STATUSES.index("diverged")


@dataclass(frozen=True)
class Individual(Evaluation, CandidateRecord):
    """A candidate with the result of its evaluation."""

    @classmethod
    def of(cls, candidate: CandidateRecord, evaluation: Evaluation) -> Individual:
        """The two together."""
        return cls(**vars(candidate), **vars(evaluation))

    @property
    def candidate(self) -> CandidateRecord:
        """As it was before it was evaluated."""
        return CandidateRecord(
            **{one.name: getattr(self, one.name) for one in fields(CandidateRecord)}
        )


def best_of(individuals: Iterable[Individual]) -> Individual | None:
    """The one with the highest fitness, the earliest of equals; None where none has a fitness."""
    with_fitness = (one for one in individuals if one.has_fitness)
    return max(with_fitness, key=lambda one: one.fitness, default=None)


def pareto_front(individuals: Iterable[Individual], objectives: str) -> list[Individual]:
    """Those that no other one dominates, of equals the earliest; best in the first objective first.

    `objectives` as in Settings. One dominates another that is better in no objective and worse in
    one. Who has not all objectives takes no part.
    """
    front: dict[tuple[float, ...], Individual] = {}  # larger is better
    for one in individuals:
        scores = _scores_of(one, objectives)
        if scores is None or any(_is_as_good(other, scores) for other in front):
            continue
        for other in [other for other in front if _is_as_good(scores, other)]:
            del front[other]
        front[scores] = one
    return [front[scores] for scores in sorted(front, reverse=True)]


def _scores_of(one: Individual, objectives: str) -> tuple[float, ...] | None:
    if not one.has_fitness:
        return None
    scores = []
    for objective in objectives.split(","):
        name = objective.lstrip("-")
        known = name in OTHER_NUMBERS
        value = getattr(one, name) if known else one.metrics.get(name)
        if value is None:
            return None
        scores.append(-float(value) if objective.startswith("-") else float(value))
    return tuple(scores)


def _is_as_good(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """In each objective."""
    return all(x >= y for x, y in zip(a, b))
