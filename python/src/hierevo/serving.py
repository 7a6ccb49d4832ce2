"""Evaluators of `hierevo search --evaluator server` in Python."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence

from hierevo.errors import UsageError
from hierevo.evaluator_server import EvaluationFunction, EvaluatorServer

_USAGE = """\
This program evaluates candidates of a search, which talks to it through standard input and output.
Start it by the search:
  hierevo search --run DIR --evaluator server --command '{command}'
To try its function alone, call hierevo.evaluate_once(function, genotype) from Python.
"""


def serve(
    function: EvaluationFunction, *, name: str = "", fields: Sequence[str] = ("genotype",)
) -> None:
    """Evaluates candidates of a search with `function` until the search has no more of them.

    `function(candidate, report)` gets a Candidate and a Report. It gives back the fitness, a number
    from 0 up, or a Result, or a dict of what a Result has. What it raises is a failure of the
    candidate, and the next one follows:

    - Diverged: so is a fitness, or a loss that it reports, that is NaN or infinite.
    - MemoryError and whatever PyTorch raises when memory is short: the candidate comes again, with
      larger `memory_parts`.
    - Stopped: the search is being stopped, and what should be kept is in `candidate.folder`.
    - any other exception, SystemExit too: the evaluation has failed.

    Import and load everything before serve(): it is called once in a process, which then evaluates
    many candidates. Standard output belongs to hierevo from then on: what is printed, by whatever,
    goes to standard error, and standard input is empty. serve() returns when the search needs the
    process no longer; should the search be killed amid an evaluation, the process exits at once. In
    child processes that multiprocessing has spawned, it does nothing.

    name: shown by hierevo; the function's own, if empty. fields: "genotype", "cell", or both, for
    what is to be known of a candidate.
    """
    if not callable(function):
        raise UsageError(f"{function!r} cannot be called", "", "Give the function itself.")
    if is_spawned_child():
        return
    for one in fields:
        if one not in ("genotype", "cell"):
            raise UsageError(f"fields has {one!r}", "", 'Known: "genotype", "cell".')
    if os.isatty(0):
        sys.stderr.write(_USAGE.format(command=" ".join(["python3", *sys.argv])))
        raise SystemExit(2)
    reading, writing = take_standard_streams()
    serve_by(function, reading, writing, name=name, fields=fields)


def serve_by(
    function: EvaluationFunction, reading: int, writing: int, *, name: str, fields: Sequence[str]
) -> None:
    """serve() by descriptors that take_standard_streams() gave."""
    server = EvaluatorServer(function, reading, writing, alone=True)
    server.run(name or getattr(function, "__name__", type(function).__name__), fields)


def is_spawned_child() -> bool:
    """Whether multiprocessing has started this process, which then executes its parent's script."""
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return False
    # While it imports the script, a process is not yet known to be a child.
    importing = getattr(process.current_process(), "_inheriting", False)
    return bool(importing) or process.parent_process() is not None


def take_standard_streams() -> tuple[int, int]:
    """Descriptors of what standard input and output were, for this process alone.

    Standard output becomes standard error, also for C code and child processes; standard input
    becomes empty.
    """
    reading, writing = os.dup(0), os.dup(1)  # which programs do not inherit
    os.register_at_fork(after_in_child=lambda: _close(reading, writing))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    os.write(writing, b"\n")  # ends what was printed before, should it have no end of line
    return reading, writing


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
