"""What the package raises and warns of. Texts say what is wrong, why, and what to do.

What a function that is evaluated raises or means is in report.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def error_text(problem: str, why: str = "", suggestion: str = "") -> str:
    """ "problem (why). Suggestion.", the form of every message; the last two may be empty."""
    text = f"{problem} ({why})." if why else f"{problem}."
    return f"{text} {suggestion}" if suggestion else text


def suggestion_for(word: str, known: Sequence[str]) -> str:
    """ "Did you mean 'x'?", or else "Known: a, b, c."."""
    close = difflib.get_close_matches(word[:64], known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known)}."


class HierevoError(Exception):
    """Every error of this package: of arguments, of files, and of searches.

    An id that is not there is a KeyError, and a place behind the end of data an IndexError, as of
    a dict and a list.
    """


class UsageError(HierevoError, ValueError):
    """A value or a genotype that cannot be used; the caller must act."""

    def __init__(self, problem: str, why: str = "", suggestion: str = "") -> None:
        """The text is error_text() of the arguments."""
        super().__init__(error_text(problem, why, suggestion))

    def __reduce__(self) -> tuple[object, ...]:
        """So that it can be pickled: the text is complete."""
        return _pickled, (type(self), self.args[0])


def _pickled(kind: type[UsageError], text: str) -> UsageError:
    error = kind.__new__(kind)
    error.args = (text,)
    return error


class FileError(HierevoError):
    """A file or folder of hierevo is missing, cannot be read, is damaged, or is not what it should
    be. `path` says which.
    """

    def __init__(self, path: object, problem: str = "", suggestion: str = "") -> None:
        """`problem` is what is wrong with `path`, as *problem (why)*, without a full stop. Of one
        argument, it is the text: torch's DataLoader so repeats what a worker has raised.
        """
        self.path = str(path)
        self.problem = problem
        self.suggestion = suggestion
        text = f"'{self.path}': {problem}." if problem else self.path
        super().__init__(f"{text} {suggestion}" if suggestion else text)

    def __reduce__(self) -> tuple[object, ...]:
        """So that it can be pickled."""
        return type(self), (self.path, self.problem, self.suggestion)


class MissingFileError(FileError):
    """A file is not there."""


class NewerVersionError(FileError):
    """A file was written in a newer version of its format than this package reads."""


class DamageWarning(UserWarning):
    """Part of a run is damaged or does not fit the rest; what could be read does not have it."""
