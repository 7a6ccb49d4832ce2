"""Ranks that are killed, stand still and come back, under an mpirun that lets the others go on and
under one that does not. Whether a search has finished is read from its run directory."""
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from jobs import JobTest
from programs import mpirun

HEARTBEAT = 2
LINE = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "40", "--tournament",
        "0.3", "--synthetic-ms", "200", "--heartbeat", HEARTBEAT, "--grace", "20"]


def mpirun_can_recover():
    version = subprocess.run([mpirun(1)[0], "--version"], capture_output=True, text=True).stdout
    return re.search(r"\((Open MPI|OpenRTE)\) 4\.", version) is not None


def recovering(ranks):
    """Open MPI 4.1 tells the ranks nothing then, and sends to the dead never end."""
    return [mpirun(ranks)[0], "-enable-recovery", *mpirun(ranks)[1:]]


class LostRanks(JobTest):
    def finish(self):
        """The same line, by which the search goes on."""
        self.hierevo("search", "--run", self.run_dir, *LINE, launcher=mpirun(3))
        self.assert_finished(40)

    def test_without_a_killed_worker_the_search_goes_on(self):
        job = self.start(*LINE, launcher=recovering(4))
        self.wait_until_done(3, job)
        os.kill(job.rank(2), signal.SIGKILL)
        self.wait_for_end(job)
        self.assertIn("Rank 2 is silent", job.text())
        self.assert_finished(40)

    def test_a_worker_that_comes_back_takes_part_again(self):
        job = self.start(*LINE, "--evaluations", 100, launcher=recovering(3))
        self.wait_until_done(3, job)
        rank = job.rank(2)
        os.kill(rank, signal.SIGSTOP)
        self.wait_for_text("Rank 2 is silent", job)
        os.kill(rank, signal.SIGCONT)
        self.wait_for_text("Rank 2 reports again and rejoins", job)
        self.wait_for_end(job)
        self.assert_finished(100)

    def test_a_job_that_stood_still_goes_on(self):
        job = self.start(*LINE, launcher=recovering(3))
        self.wait_until_done(3, job)
        for pid in job.processes():
            os.kill(pid, signal.SIGSTOP)
        time.sleep(4 * HEARTBEAT)  # longer than anybody's patience: what is tested
        for pid in job.processes():
            os.kill(pid, signal.SIGCONT)
        self.wait_for_end(job)
        self.assertNotIn("Rank 0 is lost", job.text())
        self.assert_finished(40)

    def test_without_rank_0_the_others_save_and_leave(self):
        job = self.start(*LINE, launcher=recovering(4))
        self.wait_until_done(3, job)
        before = self.done()
        os.kill(job.rank(0), signal.SIGKILL)
        self.wait_for_end(job)
        self.assertEqual(job.text().count("Rank 0 is lost"), 3)
        self.assertEqual(self.status()["state"], "stopped")
        self.assertGreaterEqual(self.done(), before)
        self.finish()

    def test_where_mpirun_ends_the_job_the_same_line_goes_on(self):
        for rank in (0, 1):
            job = self.start(*LINE, launcher=mpirun(3))
            self.wait_until_done(self.done() + 3, job)
            os.kill(job.rank(rank), signal.SIGKILL)
            self.wait_for_end(job)
            # mpirun sends the others SIGTERM first, and rank 0 may still save.
            self.assertIn(self.status()["state"], ("stopped", "saved"))
        self.finish()

    def test_without_workers_it_ends_and_saves(self):
        job = self.start(*LINE, launcher=recovering(3))
        self.wait_until_done(3, job)
        for rank in (1, 2):
            os.kill(job.rank(rank), signal.SIGKILL)
        self.wait_for_end(job)
        self.assertIn("No worker is left", job.text())
        self.assertEqual(self.status()["state"], "stopped")
        self.assertEqual(self.status()["reason"],
                         "no rank was left to evaluate, or evaluations kept failing")
        self.finish()


if __name__ == "__main__":
    if not mpirun_can_recover():
        print("skipped: only the mpirun of Open MPI 4 has -enable-recovery")
        sys.exit(77)
    unittest.main(verbosity=2)
