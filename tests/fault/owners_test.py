"""Searches in one run directory that the file system's locks do not keep apart: they are started, stopped
(SIGSTOP), woken and killed at random. Whatever `hierevo status` could count at any moment is finally in the
search, or in a file that the run directory keeps beside it.

  owners_test.py [--rounds N] [--minutes N] [--seed N]     (default: 14 rounds of each kind of lock)
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time
import unittest
import unittest.mock

from jobs import JobTest
from programs import DEADLINE

OPTIONS = argparse.ArgumentParser(description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
OPTIONS.add_argument("--rounds", type=int, default=14, help="events, of each kind of lock")
OPTIONS.add_argument("--minutes", type=float, default=0, help="continue for at least this long")
OPTIONS.add_argument("--seed", type=int, default=7)

SEARCH = ["--evaluator", "synthetic", "--population", 6, "--tournament", 0.5,
          "--space", "2x3,1x4", "--workers", 2, "--progress", "off", "--grace", 10]
RESULTS = os.environ["HIEREVO_TEST_RESULTS"]
LOCKS = os.environ["HIEREVO_TEST_LYING_LOCKS"]


class Owners(JobTest):
    options = None

    def setUp(self):
        super().setUp()
        self.choose = random.Random(self.options.seed)
        self.shown = set()
        self.awake, self.stopped, self.ended = [], [], []

    def results(self):
        """Of the search, and of all files of the run directory."""
        # A file may be renamed during the look-up.
        for _ in range(5):
            told = subprocess.run([RESULTS, self.run_dir], capture_output=True, text=True, timeout=DEADLINE)
            if told.returncode == 0:
                break
        self.assertEqual(told.returncode, 0, told.stderr)
        lines = [line.split(" ", 1) for line in told.stdout.splitlines()]
        return ({rest for kind, rest in lines if kind == "shown"}, {rest for _, rest in lines})

    def note_what_is_shown(self):
        if (self.run_dir / "search.h5").exists():
            self.shown |= self.results()[0]

    def begin(self, evaluations=100000):
        with self.environment:
            return self.start(*SEARCH, "--evaluations", evaluations, "--synthetic-ms",
                              300 if self.options.minutes else 15)

    def send(self, job, number):
        for pid in job.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def comes_further(self):
        """Waits until some search has new results, or all have exited."""
        before = self.done()
        wanted = before + self.choose.randrange(2, 12)
        self.wait_until(lambda: self.done() >= wanted or not self.running())

    def running(self):
        self.ended += [job for job in self.awake if job.process.poll() is not None]
        self.awake = [job for job in self.awake if job.process.poll() is None]
        return self.awake

    def happen(self):
        awake, stopped = self.running(), self.stopped
        kinds = ["start"] * (len(awake) + len(stopped) < 3) + ["stop"] * (2 * bool(awake))
        kinds += ["wake"] * (2 * len(stopped)) + ["kill"] * bool(awake)
        kind = self.choose.choice(kinds)
        if kind == "start":
            awake.append(self.begin())
        elif kind == "wake":
            job = stopped.pop(self.choose.randrange(len(stopped)))
            awake.append(job)
            self.send(job, signal.SIGCONT)
        else:
            job = awake.pop(self.choose.randrange(len(awake)))
            self.send(job, signal.SIGSTOP if kind == "stop" else signal.SIGKILL)
            (stopped if kind == "stop" else self.ended).append(job)

    def check(self):
        shown, kept = self.results()
        self.assertEqual(self.shown - kept, set(), "shown once, and now in no file")
        return shown

    def locks(self, how):
        folder = self.folder / "locks"
        folder.mkdir()
        self.environment = unittest.mock.patch.dict(os.environ, {
            "LD_PRELOAD": LOCKS, "HIEREVO_TEST_LOCKS": how, "HIEREVO_TEST_LOCKS_FOLDER": str(folder)})
        self.awake.append(self.begin())
        self.wait_until_done(1, self.awake[0])
        end = time.monotonic() + 60 * self.options.minutes
        rounds = 0
        while rounds < self.options.rounds or time.monotonic() < end:
            self.happen()
            if self.running():
                self.comes_further()
            self.note_what_is_shown()
            rounds += 1
        self.note_what_is_shown()
        for job in self.stopped:
            self.send(job, signal.SIGCONT)
        # Those that were taken over exit by themselves, and say so; the owner is asked to.
        for job in self.awake + self.stopped:
            self.send(job, signal.SIGTERM)
            code = self.wait_for_end(job)
            self.assertIn(code, (5, 75, -signal.SIGTERM), job.text())
        for job in self.awake + self.stopped + self.ended:
            if job.process.returncode == 5:
                self.assertRegex(job.text(), "process|already works|writes there")
        self.check()
        finished = self.done() + 20
        code = self.wait_for_end(self.begin(finished))
        self.assertEqual(code, 0)
        self.check()
        self.hierevo("verify", "--run", self.run_dir)
        self.assert_finished(finished)
        print(f"{how}: {rounds} events, {finished} evaluations, "
              f"{sum(job.process.returncode == 5 for job in self.ended + self.awake + self.stopped)} "
              f"searches stopped or refused", flush=True)

    def test_locks_that_everybody_gets(self):
        self.locks("always")

    def test_locks_that_are_lost_while_their_holder_sleeps(self):
        self.locks("sleeping")


if __name__ == "__main__":
    Owners.options, rest = OPTIONS.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
