"""What a check comes to."""
from __future__ import annotations

import dataclasses

PASSED, FAILED, NOT_POSSIBLE = "passed", "failed", "not possible here"


class NotPossible(Exception):
    """What a check requires is not here; the text says what."""


class Failed(Exception):
    """Something is not as it should be; the text says what."""


@dataclasses.dataclass
class Line:
    """A line of the table: `name` within the check (empty: the check itself), and in `numbers` what was measured."""

    name: str
    state: str
    detail: str
    numbers: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


def passed(name, detail, **numbers):
    return Line(name, PASSED, detail, numbers)


def not_possible(name, why):
    return Line(name, NOT_POSSIBLE, why)


def failed(name, why):
    return Line(name, FAILED, str(why))
