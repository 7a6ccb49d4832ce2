"""Programs with a time limit, of which nothing is left."""
from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import subprocess
import threading
import time

PR_SET_CHILD_SUBREAPER = 36


class TimeUp(Exception):
    """The check's time was over."""


class Processes:
    """Starts the programs of a check and ends what they leave, also what has left their process group: this process
    adopts it."""

    def __init__(self):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.limit(60)

    def limit(self, seconds):
        """From now on a check has so much time."""
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def left(self):
        """Seconds that the check has left."""
        return max(0.0, self.end - time.monotonic())

    def start(self, command, **more):
        """A program in a process group of its own, so that Ctrl-C reaches this process alone."""
        return subprocess.Popen([str(word) for word in command], text=True, errors="replace", start_new_session=True,
                                **{"stdin": subprocess.DEVNULL, **more})

    def run(self, command, input_text=None, **more):
        """Exit code, standard output and standard error of a program. Raises TimeUp."""
        reads = subprocess.DEVNULL if input_text is None else subprocess.PIPE
        process = self.start(command, stdin=reads, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        try:
            output, errors = process.communicate(input_text, timeout=self.left())
        except subprocess.TimeoutExpired:
            raise TimeUp(f"not finished after {self.seconds:.0f} s: {pathlib.Path(str(command[0])).name}") from None
        finally:
            self.kill(process)
        return process.returncode, output, errors

    def wait_until(self, holds, process):
        """Looks every few milliseconds until `holds()`; False if the process ends before. Raises TimeUp."""
        while not holds():
            if process.poll() is not None:
                return holds()
            self.check_time()
            time.sleep(0.02)
        return True

    def check_time(self):
        """Raises TimeUp if the check has no time left."""
        if self.left() == 0:
            raise TimeUp(f"not finished after {self.seconds:.0f} s")

    def kill_later(self, process):
        """Kills the process when the time is up, unless cancel() is called before."""
        timer = threading.Timer(self.left(), process.kill)
        timer.daemon = True
        timer.start()
        return timer

    def kill(self, process):
        """The process with its group."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def end_all(self):
        """Kills all descendants. Each that goes may leave others to this process."""
        while True:
            children = children_of(os.getpid())
            for child in children:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            for child in children:
                try:
                    os.waitpid(child, 0)
                except ChildProcessError:
                    pass
            if not children:
                return


def children_of(pid):
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]
