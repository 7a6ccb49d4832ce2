"""Errors of what a caller has given."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def error_text(problem: str, why: str = "", suggestion: str = "") -> str:
    """ "problem (why). Suggestion.", the form of every message; the last two may be empty."""
    text = f"{problem} ({why})." if why else f"{problem}."
    return f"{text} {suggestion}" if suggestion else text


class UsageError(ValueError):
    """A value, a genotype or a file that cannot be used; the caller must act."""

    def __init__(self, problem: str, why: str = "", suggestion: str = "") -> None:
        """The text is error_text() of the arguments."""
        super().__init__(error_text(problem, why, suggestion))


def suggestion_for(word: str, known: Sequence[str]) -> str:
    """ "Did you mean 'x'?", or else "Known: a, b, c."."""
    close = difflib.get_close_matches(word[:64], known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."
