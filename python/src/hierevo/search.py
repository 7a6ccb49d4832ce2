"""`hierevo search` from Python, with a Python function that evaluates."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hierevo import importable
from hierevo.errors import HierevoError, MissingFileError, UsageError
from hierevo.evaluator_server import EvaluationFunction
from hierevo.function_socket import FunctionSocket
from hierevo.progress_bar import ProgressBar

if TYPE_CHECKING:
    from hierevo.run import Run

_MESSAGES = 30  # lines of the program that an error shows
_PAUSES = 10.0  # times as long as what is shown takes to be known
_LAST_LINES = 10.0  # seconds for them to be read, in case that something still holds its output


class SearchError(HierevoError):
    """A search has ended but is not finished. `exit_code` is that of its program or launcher."""

    def __init__(self, exit_code: int, state: str, messages: str) -> None:
        """`state` as `hierevo status` shows it, and the program's last messages."""
        self.exit_code = exit_code
        super().__init__(f"{_what_happened(exit_code, state)}\n{messages}".rstrip())


def _what_happened(exit_code: int, state: str) -> str:
    known = {2: "The search was refused", 3: "The run directory cannot be used"}
    if exit_code < 0:
        return f"The program was killed by signal {-exit_code}; the search is {state}."
    return f"{known.get(exit_code, f'The search is {state}')} (exit code {exit_code})."


class Search:
    """A search that evaluates with a Python function; run() does it, or resumes it.

    It is `hierevo search` that searches, as a process of its own, and what it stores is a run like
    any other.

    - run: the run directory. function: as for serve().
    - launcher: such as ["mpirun", "-n", "3"]; without it the search is alone, and evaluates as many
      candidates at the same time as the option `workers` says, 1 if it is not given.
    - program: the path of hierevo; otherwise it is in the folder HIEREVO_BIN or on PATH.
    - options: those of `hierevo search`, with _ for -: population=20, reuse_fitness=True. Lists are
      joined by commas.

    A function that can be imported, being at the top of a module, is imported and called in
    evaluator processes. One of a notebook or a script is called in this process, in a thread for
    each candidate that is evaluated at the same time, on this machine only.
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        function: EvaluationFunction,
        *,
        launcher: Sequence[str] = (),
        program: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        """Checks what can be checked; starts nothing. Raises UsageError and MissingFileError."""
        for name in ("evaluator", "command"):
            if name in options:
                raise UsageError(
                    f"{name} cannot be given", "the function is what evaluates", "Leave it out."
                )
        if not callable(function):
            raise UsageError(f"{function!r} cannot be called", "", "Give the function itself.")
        if isinstance(launcher, str):
            raise UsageError(f"launcher is {launcher!r}", "it is a list of words", "Split it.")
        self._run = pathlib.Path(run)
        self._function = function
        self._name = importable.name_of(function)
        self._launcher = list(launcher)
        self._program = _program(program)
        self._options = options

    @property
    def command(self) -> list[str]:
        """The command line that run() executes."""
        if self._name is None:
            relay = pathlib.Path(__file__).with_name("relay.py")
            evaluator = [sys.executable, "-I", "-S", str(relay)]
        else:
            evaluator = [sys.executable, "-m", "hierevo.serve_function", self._name]
        options = {**self._options, "evaluator": "server", "command": shlex.join(evaluator)}
        if self._has_bar():
            options["progress"] = "off"
        words = [*self._launcher, self._program, "search", "--run", str(self._run)]
        return words + [
            _option(name, value) for name, value in options.items() if value is not None
        ]

    def run(self) -> Run:
        """Searches until all evaluations are there, and opens the run.

        Shows a progress bar where tqdm is installed; without it, or with the option progress, what
        the program shows. Ctrl-C (in a notebook: interrupt the kernel) saves the search and raises
        KeyboardInterrupt; call run() again to resume. A second Ctrl-C kills it.

        Raises SearchError if the search ends otherwise, with what the program has said.
        """
        if shutil.which(self._program) is None:
            raise MissingFileError(self._program, "there is no such program")
        with contextlib.ExitStack() as stack:
            environment = dict(os.environ)
            if self._name is None:
                socket = stack.enter_context(FunctionSocket(self._function))
                environment["HIEREVO_PYTHON_SOCKET"] = socket.path
            else:
                environment["PYTHONPATH"] = importable.search_path()
            bar = stack.enter_context(ProgressBar(self._has_bar()))
            code, messages = self._execute(environment, bar)
        state = self._state()
        if code != 0 or state != "finished":
            raise SearchError(code, state, messages)
        from hierevo import open_run  # noqa: PLC0415

        return open_run(self._run)

    def _execute(self, environment: Mapping[str, str], bar: ProgressBar) -> tuple[int, str]:
        """The program's exit code and last messages."""
        lifeline = str(pathlib.Path(__file__).with_name("lifeline.py"))
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", lifeline, *self.command],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C at a terminal is for this process, which passes it on
        )
        assert process.stdin is not None
        try:
            messages = _Messages(process, bar)
            try:
                self._wait(process, bar)
            except KeyboardInterrupt:
                bar.write("Saving the search. Interrupt again to kill it.")
                _stop(process)
                self._wait(process, bar)
                bar.write(f"The search is {self._state()}; run() resumes it.")
                raise
            return process.returncode, messages.text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdin.close()

    def _wait(self, process: subprocess.Popen[str], bar: ProgressBar) -> None:
        if not bar.shown:
            process.wait()
        pause = 1.0
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=pause)
            begun = time.monotonic()
            bar.show(self._status())
            # Of a large run, or on a slow file system, it takes long.
            pause = max(1.0, _PAUSES * (time.monotonic() - begun))

    def _status(self) -> dict[str, Any]:
        """What `hierevo status` knows; nothing before the search has begun."""
        line = [self._program, "status", "--run", str(self._run), "--json"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        status: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return status

    def _has_bar(self) -> bool:
        return ProgressBar.available and self._options.get("progress") is None

    def _state(self) -> str:
        return str(self._status().get("state", "not begun"))


def _stop(process: subprocess.Popen[str]) -> None:
    """Tells lifeline.py to stop the search."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write("s")
        process.stdin.flush()


class _Messages:
    """Shows what a program says as it comes, and keeps the last lines."""

    def __init__(self, process: subprocess.Popen[str], bar: ProgressBar) -> None:
        self._lines: collections.deque[str] = collections.deque(maxlen=_MESSAGES)
        self._thread = threading.Thread(target=self._read, args=(process, bar), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """The last lines, when the program has exited."""
        self._thread.join(_LAST_LINES)
        return "".join(self._lines)

    def _read(self, process: subprocess.Popen[str], bar: ProgressBar) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self._lines.append(line)
                bar.write(line.rstrip("\n"))


def _program(given: str | os.PathLike[str] | None) -> str:
    if given is not None:
        return os.fspath(given)
    folder = os.environ.get("HIEREVO_BIN")
    found = shutil.which("hierevo", path=folder) if folder else shutil.which("hierevo")
    if found is None:
        where = f"in {folder} (HIEREVO_BIN)" if folder else "on PATH"
        raise MissingFileError(
            "hierevo",
            f"there is no such program {where}",
            "Set HIEREVO_BIN to the folder that has it, or give its path as program.",
        )
    return found


def _option(name: str, value: Any) -> str:
    """An option as one word, so that no value is taken for an option."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (list, tuple)):
        text = ",".join(map(str, value))
    else:
        text = str(value)
    return f"--{name.replace('_', '-')}={text}"
