"""What the tests of the programs share: running them and looking at what they leave."""
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["HIEREVO_BIN"])
HIEREVO = str(BIN / "hierevo")
SANITIZED = "sanitizers" in subprocess.run([HIEREVO, "--version"], capture_output=True, text=True).stdout
MPIRUN = shlex.split(os.environ.get("HIEREVO_MPIRUN", ""))
# A cell that trains in seconds: one separable convolution.
CELL = {"format": "hierevo.genotype", "version": 1, "levels": [
    {"level": 2, "nodes": 2, "motifs": [["separable3x3"]]},
    {"level": 3, "nodes": 2, "motifs": [[1]]}]}
# A shell that runs tests in its background has them ignore these, and what they start with them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
DEADLINE = 120  # seconds for anything; reached only when something hangs


def behaviour(test):
    """Of a test that asks what a program does, over code that other tests run with the sanitizers."""
    return unittest.skipIf(SANITIZED, "its code runs in other tests")(test)


def steps(number):
    """Of a training that is stopped before its end: the sanitizers slow each of them down."""
    return number // 4 if SANITIZED else number


def mpirun(ranks):
    return [*MPIRUN, str(ranks)]


def mpirun_is_of_mpich():
    version = subprocess.run([MPIRUN[0], "--version"], capture_output=True, text=True).stdout
    return "HYDRA" in version


def values(text):
    """The options of an INI file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.run_dir = self.folder / "a run"  # a path with a space

    def hierevo(self, *arguments, launcher=(), code=0):
        """Runs hierevo, checks its exit code, gives back its output."""
        result = self.command([*launcher, HIEREVO, *map(str, arguments)])
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def command(self, words):
        return subprocess.run(words, text=True, capture_output=True, timeout=DEADLINE, cwd=self.folder)

    def unheard(self, *arguments):
        """What hierevo prints and its exit code when nobody reads its messages."""
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as messages:
            result = subprocess.run([HIEREVO, *map(str, arguments)], stdout=subprocess.PIPE,
                                    stderr=messages, text=True, timeout=DEADLINE, cwd=self.folder)
        return result.stdout, result.returncode

    def refused(self, *arguments, says, code=2):
        """Refused before any work: the message says `says`, and no run directory was made."""
        result = self.hierevo(*arguments, code=code)
        self.assertIn(says, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertFalse(self.run_dir.exists())

    def status(self):
        return json.loads(self.hierevo("status", "--run", self.run_dir, "--json").stdout)

    def wait_until(self, holds, process=None):
        """Waits for an event; `process` must not end before."""
        end = time.monotonic() + DEADLINE
        while not holds():
            self.assertLess(time.monotonic(), end, "the event never came")
            if process is not None and process.poll() is not None:
                return False
            time.sleep(0.005)
        return True

    def stop_when_there_is(self, line, file, number=signal.SIGTERM):
        """Runs `line`, and stops it before its end, as soon as the file is there (anew)."""
        before = file.stat().st_mtime_ns if file.exists() else None
        process = subprocess.Popen([*map(str, line)], stdout=subprocess.DEVNULL, text=True,
                                   stderr=subprocess.PIPE, cwd=self.folder)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        changed = (lambda: file.exists() and file.stat().st_mtime_ns != before)
        self.assertTrue(self.wait_until(changed, process))
        process.send_signal(number)
        told = process.stderr.read()
        self.assertEqual(process.wait(timeout=60), -number if number == signal.SIGKILL else 75, told)
        return told

    def assert_finished(self, evaluations):
        status = self.status()
        self.assertEqual(status["state"], "finished")
        self.assertEqual(status["evaluations"]["done"], evaluations)
        self.assertEqual(status["evaluations"]["in_flight"], 0)
        ids = self.ids()
        self.assertEqual(sorted(ids), list(range(1, evaluations + 1)))

    def ids(self):
        """Ids of all evaluated individuals: `inspect` finds exactly one for each."""
        found = []
        target = self.status()["evaluations"]["target"]
        for number in range(1, target + 1):
            shown = self.hierevo("inspect", "--run", self.run_dir, "--id", number, "--json")
            found.append(json.loads(shown.stdout)["id"])
        return found
