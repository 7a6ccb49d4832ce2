"""What an evaluation function gives back, as messages of the evaluator protocol."""

from __future__ import annotations

import itertools
import math
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, SupportsFloat

from hierevo.errors import HierevoError
from hierevo.evaluation_limits import (
    METRIC_NAME_RULE,
    MOST_METRICS,
    MOST_REPEATS,
    is_metric_name,
)
from hierevo.report import Diverged

_LONGEST_REASON = 1000  # characters
_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|(CUDNN|CUBLAS)_STATUS_ALLOC_FAILED", re.IGNORECASE
)


@dataclass
class Result:
    """What a candidate is worth. A function may give back a fitness alone, or these as a dict.

    fitness: a number from 0 up, larger being better; where there are repeats, their mean.
    values: the fitness of each repeat. loss: one number, or one for each repeat. There are 1000 of
    either at most.
    metrics: at most 64 other numbers, kept with the individual. A name begins with a letter, has
    letters, digits and `_ - . /`, 64 at most, and is none of fitness, parameters and macs.
    seconds: how long the evaluation took, if not what the search has measured.

    Numbers may be Python's, numpy's, or arrays and tensors of one element.
    """

    fitness: SupportsFloat
    values: Iterable[SupportsFloat] | None = None
    loss: SupportsFloat | Iterable[SupportsFloat] | None = None
    metrics: Mapping[str, SupportsFloat] | None = None
    seconds: SupportsFloat | None = None


_MEMBERS = [field.name for field in fields(Result)]


class UnusableResultError(HierevoError, ValueError):
    """A function has given back what is no result."""


def result_message(candidate: int, given: Any) -> dict[str, Any]:
    """The `result` message of what a function gave back for a candidate.

    Raises Diverged if the fitness or a loss is NaN or infinite, and UnusableResultError if it is
    no result.
    """
    if isinstance(given, Result):
        given = {name: getattr(given, name) for name in _MEMBERS}
    elif not isinstance(given, Mapping):
        given = {"fitness": given}
    for name in given:
        if name not in _MEMBERS:
            raise UnusableResultError(
                f"The function gave back a dict with {name!r} (a result has "
                f"{', '.join(_MEMBERS)}). Put other numbers under metrics."
            )
    if given.get("fitness") is None:
        raise UnusableResultError("The function gave back no fitness. Give back a number.")
    fitness = _trained("fitness", given["fitness"])
    if fitness < 0:
        raise UnusableResultError(
            f"The fitness is {fitness} (it is a number from 0 up, larger being better). "
            "Give back an accuracy, or 1 / (1 + error)."
        )
    message: dict[str, Any] = {"type": "result", "id": candidate, "fitness": fitness}
    if given.get("values") is not None:
        message["values"] = _repeats("values", "one of values", given["values"])
    if given.get("loss") is not None:
        message["loss"] = _losses(given["loss"])
    if given.get("metrics"):
        message["metrics"] = _metrics(given["metrics"])
    if given.get("seconds") is not None:
        message["seconds"] = _finite("seconds", given["seconds"])
    return message


def failure_message(candidate: int, error: BaseException) -> dict[str, Any]:
    """The `failure` message of what a function raised, whose traceback goes to standard error."""
    kind = "failed"
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, Diverged):
        kind, reason = "diverged", str(error) or "the training has diverged"
    elif isinstance(error, UnusableResultError):
        reason = str(error)
    elif is_out_of_memory(error):
        kind = "out_of_memory"
    else:
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
    return {"type": "failure", "id": candidate, "kind": kind, "reason": _plain(reason)}


def _plain(reason: str) -> str:
    """As a line of JSON can have it: what was no text, such as half of a character, is a "?"."""
    return reason[:_LONGEST_REASON].encode("utf-8", "replace").decode()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch might have helped."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def _losses(given: Any) -> float | list[float]:
    if hasattr(given, "__iter__") and getattr(given, "shape", None) != ():
        return _repeats("losses", "loss", given)
    return _trained("loss", given)


def _repeats(names: str, name: str, given: Any) -> list[float]:
    """A number for each repeat."""
    if not hasattr(given, "__iter__") or isinstance(given, (str, bytes)):
        raise UnusableResultError(
            f"The function gave back a {_named(given)} as {names}. Give a list of numbers."
        )
    numbers = [_trained(name, one) for one in itertools.islice(given, MOST_REPEATS + 1)]
    if len(numbers) > MOST_REPEATS:
        raise UnusableResultError(
            f"The function gave back more than {MOST_REPEATS} {names} (there is one for each "
            "repeat). Give their mean."
        )
    return numbers


def _metrics(given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise UnusableResultError(f"The metrics are a {_named(given)}. Give a dict of numbers.")
    if len(given) > MOST_METRICS:
        raise UnusableResultError(
            f"The function gave back {len(given)} metrics (an individual has {MOST_METRICS} at "
            "most). Leave some out."
        )
    for name in given:
        if not is_metric_name(name):
            raise UnusableResultError(
                f"A metric has the name {str(name)[:80]!r} ({METRIC_NAME_RULE}). Rename it."
            )
    return {name: _finite(f"the metric {name}", value) for name, value in given.items()}


def _finite(name: str, given: Any) -> float:
    number = _number(name, given)
    if not math.isfinite(number):
        raise UnusableResultError(f"The function gave back {number} as {name}. Leave it out.")
    return number


def _trained(name: str, given: Any) -> float:
    number = _number(name, given)
    if not math.isfinite(number):
        raise Diverged(f"{name} is {number}")
    return number


def _number(name: str, given: Any) -> float:
    if type(given) is float:
        return given
    if isinstance(given, (bool, str, bytes)) or not hasattr(given, "__float__"):
        raise UnusableResultError(
            f"The function gave back a {_named(given)} as {name}. Give a number."
        )
    shape = tuple(getattr(given, "shape", ()))
    if math.prod(shape) != 1:
        raise UnusableResultError(
            f"The function gave back an array of shape {shape} as {name}. "
            "Give a number, such as its mean."
        )
    if shape:
        return _number(name, given.item())
    return float(given)


def _named(given: Any) -> str:
    kind = type(given)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
