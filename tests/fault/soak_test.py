"""A search whose processes are killed at random, and which the same command resumes until it has finished.
What must hold after every job, however it ended:

- `hierevo status` reads the run directory, and `hierevo verify` finds no problem;
- nothing is left of the job: no process, no file that does not belong to a run;
- no result is missing. The witness is the workers' own log (--verbose): each result that a worker has
  sent is in the run. Only where a rank was killed, or the whole job, one result per evaluator may have been
  on its way to rank 0;
- a result that had to be made again is the same to the last digit.

In the end there are exactly the evaluations that were requested. The number of evaluators, and whether rank
0 has one too, is random for each job, and for each search whether a program makes up the fitness.

  soak_test.py [--kills N] [--seed N]     (default: 12 with made-up fitness, 6 with trainings)
"""
import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import unittest

from jobs import JobTest
from programs import BIN, DEADLINE, mpirun

OPTIONS = argparse.ArgumentParser(description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
OPTIONS.add_argument("--kills", type=int, help="of each kind of evaluation")
OPTIONS.add_argument("--seed", type=int, default=7)

COMMON = ["--population", 6, "--tournament", 0.3, "--heartbeat", 3, "--grace", 20, "--verbose",
          "--progress", "off", "--max-consecutive-failures", 1000]
MADE_UP = ["--evaluations", 60, "--timeout", 4]
SYNTHETIC = ["--evaluator", "synthetic", "--synthetic-ms", 100, *MADE_UP]
PROGRAM = """#!/bin/sh
grep -q hierevo.genotype "$1" || exit 1
sleep 0.1
echo "{\\"fitness\\": 0.$HIEREVO_SEED}"
"""
TRAINED = ["--evaluator", "train", "--evaluations", 14, "--repeats", 2, "--channels", 2, "--steps",
           30, "--batch", 16, "--train-size", 500, "--validation-size", 100, "--crop", 16,
           "--threads", 1, "--checkpoint-every", 1]

FILES = {"search.h5", "search.h5.1", "search.h5.2", "journal", "journal.1", "journal.2",
         "config.ini", "data.json", "lock", "owner", "ranks.json"}
OF_A_KILLED_JOB = {"inflight", "progress.json", "progress.json.tmp", "search.h5.tmp",
                   "config.ini.tmp", "ranks.json.tmp"}
RESULT = re.compile(r"Candidate (\d+): (\w+), fitness (\S+),")
RANKS = 3


class Soak(JobTest):
    options = None

    def setUp(self):
        super().setUp()
        self.choose = random.Random(self.options.seed)
        self.fitness = {}  # of each candidate, as the workers logged it
        self.made_again = 0
        self.kept = {}  # status and fitness in the run, after the last job

    # ---- Kills.

    def kill_one_of(self, victims, number=signal.SIGKILL):
        if not victims:
            return
        try:
            os.kill(self.choose.choice(sorted(victims)), number)
        except ProcessLookupError:
            pass  # it has exited by itself

    def kill_an_evaluator(self, job):
        self.kill_one_of(job.evaluators(), self.choose.choice((signal.SIGKILL, signal.SIGSEGV)))

    def stop_an_evaluator(self, job):
        """It no longer answers: --timeout, or the end of the job, kills it."""
        if "--timeout" in self.line:
            self.kill_one_of(job.evaluators(), signal.SIGSTOP)

    def kill_a_supervisor(self, job):
        ranks = set(job.ranks().values())
        self.kill_one_of([pid for pid, process in job.processes().items()
                          if process.words[1:2] == ["search"] and pid not in ranks
                          and pid != job.process.pid])

    def kill_a_worker(self, job):
        self.kill_one_of([pid for rank, pid in job.ranks().items() if rank > 0])

    def kill_rank_0(self, job):
        self.kill_one_of([pid for rank, pid in job.ranks().items() if rank == 0])

    def kill_the_job(self, job):
        """mpirun and the ranks: the others have to notice that themselves."""
        ranks = list(job.ranks().values())
        job.process.kill()
        for pid in ranks:
            self.kill_one_of([pid])

    def signal_mpirun(self, job):
        number = self.choose.choice((signal.SIGTERM, signal.SIGUSR2))
        if job.process.poll() is None:
            os.kill(job.process.pid, number)

    # ---- What must hold.

    def results_in_run(self, ids):
        """Status and fitness of those of `ids` that have been evaluated."""
        found = {}
        for number in sorted(ids):
            shown = self.inspect(number)
            if shown is not None:
                found[number] = (shown["status"], shown["fitness"])
        return found

    def inspect(self, number):
        result = subprocess.run([str(BIN / "hierevo"), "inspect", "--run", self.run_dir, "--id",
                                 str(number), "--json"], capture_output=True, text=True,
                                timeout=DEADLINE)
        return json.loads(result.stdout) if result.returncode == 0 else None

    def look_at(self, job):
        logged = {}
        for number, status, fitness in RESULT.findall(job.text()):
            if status != "evaluated":
                continue
            number, fitness = int(number), float(fitness)
            if number in self.fitness:
                self.made_again += 1
                self.assertEqual(fitness, self.fitness[number], f"candidate {number} made again")
            self.fitness[number] = fitness
            logged[number] = fitness
        self.assertEqual(logged.keys() & self.kept.keys(), set(), "what was kept was made again")
        if not (self.run_dir / "search.h5").exists():
            self.assertEqual(logged, {})
            return
        kept = self.results_in_run(self.kept.keys() | logged.keys())
        for number, before in self.kept.items():
            self.assertEqual(kept.get(number), before, f"candidate {number} was kept before")
        for number in logged.keys() & kept.keys():
            self.assertEqual(kept[number], ("evaluated", logged[number]),
                             f"candidate {number}\n{job.text()}")
        lost = logged.keys() - kept.keys()
        on_their_way = self.evaluators if self.ranks_were_killed else 0
        self.assertLessEqual(len(lost), on_their_way, f"lost {lost}\n{job.text()}")
        self.kept = kept
        self.assertNotIn("has a temporary file instead", job.text())
        self.hierevo("verify", "--run", self.run_dir)
        self.assertLessEqual(self.left(), FILES | OF_A_KILLED_JOB)

    def left(self):
        """The names in the run directory, without what changes in them from start to start."""
        return {re.sub(r"^owner-\d+$|\.[^.]+\.[^.]+(?=\.tmp$)", "", path.name) or "owner"
                for path in self.run_dir.iterdir()}

    def assert_clean(self):
        left = self.left()
        self.assertLessEqual(left - {"inflight"}, FILES)
        if "inflight" in left:
            self.assertEqual(list((self.run_dir / "inflight").iterdir()), [])

    def launcher(self):
        recover = ["-enable-recovery"] if self.choose.random() < 0.5 and self.can_recover else []
        return [mpirun(RANKS)[0], *recover, *mpirun(RANKS)[1:]]

    def commanded(self):
        program = self.folder / "program"
        program.write_text(PROGRAM)
        program.chmod(0o700)
        return ["--evaluator", "command", "--command", program, *MADE_UP]

    def draw_layout(self):
        """Of the evaluators of a job."""
        per_device, master = self.choose.choice((1, 2)), self.choose.choice((True, False))
        self.evaluators = (RANKS - 1) * per_device + master
        layout = ["--evaluators-per-device", per_device]
        return [*layout, "--master-evaluates"] if master else layout

    def soak(self, evaluations, kills):
        self.can_recover = "-enable-recovery" in self.help_of_mpirun()
        kinds = [self.kill_an_evaluator, self.kill_a_supervisor, self.kill_a_worker,
                 self.kill_rank_0, self.kill_the_job, self.signal_mpirun, self.stop_an_evaluator]
        order, deck, jobs, searches = [], [], 0, 0
        while kills > 0:
            searches += 1
            self.run_dir = self.folder / f"run {searches}"
            self.fitness, self.kept = {}, {}
            deck = deck or self.choose.sample(evaluations, len(evaluations))  # equally often
            self.line = [*COMMON, *deck.pop()]
            finished = False
            while not finished:
                job = self.start(*self.line, *self.draw_layout(), "--seed", searches,
                                 launcher=self.launcher())
                jobs += 1
                self.ranks_were_killed = False
                while kills > 0 and self.comes_further(job):
                    order = order or self.choose.sample(kinds, len(kinds))  # equally often
                    kind = order.pop()
                    # mpirun, asked to exit or having lost a rank, kills the others.
                    self.ranks_were_killed |= kind not in (self.kill_an_evaluator,
                                                           self.stop_an_evaluator)
                    kind(job)
                    kills -= 1
                self.wait_for_end(job)
                self.look_at(job)
                if (self.run_dir / "search.h5").exists():
                    finished = self.status()["state"] == "finished"
            self.assert_finished(self.line[self.line.index("--evaluations") + 1])
            self.assert_clean()
            self.hierevo("verify", "--run", self.run_dir)
        print(f"{jobs} jobs, {searches} searches, {self.made_again} results made again", flush=True)

    def comes_further(self, job):
        """Whether the search has finished some more evaluations, and the job still runs."""
        wanted = self.done() + self.choose.randrange(3)
        try:
            arrived = self.wait_until(lambda: self.runs() and self.done() >= wanted, job.process)
            return arrived and job.process.poll() is None
        except AssertionError:
            self.fail(f"the search does not get beyond {self.done()}:\n{job.text()}")

    def help_of_mpirun(self):
        return subprocess.run([mpirun(1)[0], "--help", "full"], capture_output=True,
                              text=True).stdout

    def test_made_up_fitness(self):
        self.soak((SYNTHETIC, self.commanded()), self.options.kills or 12)

    @unittest.skipUnless((BIN / "hierevo-train").exists(), "built without Torch")
    def test_trainings(self):
        self.soak((TRAINED,), self.options.kills or 6)


if __name__ == "__main__":
    Soak.options, rest = OPTIONS.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
