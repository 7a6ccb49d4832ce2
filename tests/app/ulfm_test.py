"""Under Open MPI 5 with ULFM, MPI tells the ranks of a death and the others go on. Builds hierevo
with PyPI's Open MPI for that, by the preset ulfm; skipped where it cannot be had."""
import os
import signal
import subprocess
import sys
import unittest

from jobs import JobTest
from programs import SOURCE

ENVIRONMENT = SOURCE / "build" / "ulfm-env"
BUILD = SOURCE / "build" / "ulfm"
SKIPPED = 77
LINE = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "100", "--tournament",
        "0.3", "--synthetic-ms", "200", "--heartbeat", "600"]  # nobody waits for silence


def set_up():
    ready = subprocess.run([SOURCE / "scripts" / "setup", "--ulfm"], stderr=subprocess.PIPE,
                           text=True)
    if ready.returncode != 0:
        print(f"skipped, without an Open MPI that tells of lost ranks: {ready.stderr}")
        sys.exit(SKIPPED)
    subprocess.run([SOURCE / "scripts" / "build", "ulfm"], check=True)


def mpirun(ranks):
    return [ENVIRONMENT / "bin" / "mpirun", "--with-ft", "ulfm", "--oversubscribe", "--bind-to",
            "none", "-n", str(ranks)]


class Ulfm(JobTest):
    def start_search(self, ranks):
        job = self.start(*LINE, launcher=mpirun(ranks), program=BUILD / "bin" / "hierevo")
        self.wait_until_done(3, job)
        return job

    def test_without_killed_workers_the_search_goes_on(self):
        job = self.start_search(4)
        for rank in (2, 1):
            os.kill(job.rank(rank), signal.SIGKILL)
            self.wait_for_text(f"Rank {rank} died", job)
        self.wait_for_end(job)
        self.assert_finished(100)

    def test_without_rank_0_the_others_leave_and_the_same_line_goes_on(self):
        job = self.start_search(3)
        os.kill(job.rank(0), signal.SIGKILL)
        self.wait_for_end(job)
        self.assertEqual(self.status()["state"], "stopped")
        self.wait_for_end(self.start_search(3))
        self.assert_finished(100)


if __name__ == "__main__":
    set_up()
    unittest.main(verbosity=2)
