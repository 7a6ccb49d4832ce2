"""What the package raises and warns of. Texts say what is wrong, why, and what to do."""

from __future__ import annotations


class HierevoError(Exception):
    """Every error that this package raises on purpose and that is no wrong argument."""


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
