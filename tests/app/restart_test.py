"""A search under mpirun, killed at any moment and started again by the same line, ends with exactly
the evaluations that were asked for."""
import os
import random
import signal
import unittest
import unittest.mock

from jobs import JobTest
from programs import mpirun

LINE = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "40",
        "--tournament", "0.3", "--synthetic-ms", "300"]


class Restart(JobTest):
    def kill_whole_job(self, job):
        job.end()
        # The kernel ends them on its own time; their lock goes with them.
        self.wait_for_end(job)

    def kill_a_worker(self, job):
        self.signal_a_worker(job, signal.SIGKILL)
        self.wait_for_end(job)

    def stop_by_mpirun(self, job):
        before = self.done()
        if job.process.poll() is None:
            os.kill(job.process.pid, signal.SIGUSR1)
        self.assert_stopped(job, before)

    def stop_a_worker(self, job):
        before = self.done()
        self.signal_a_worker(job, signal.SIGUSR1)
        self.assert_stopped(job, before)

    def signal_a_worker(self, job, number):
        ranks = job.ranks()
        if ranks:
            os.kill(ranks[max(ranks)], number)

    def assert_stopped(self, job, before):
        """With all saved: rank 0 has written its last snapshot behind the signal."""
        self.wait_for_end(job)
        if before > 0:
            self.assertIn(self.status()["state"], ("saved", "finished"))

    def test_killed_again_and_again(self):
        # However far a start gets before its kill is noticed, every kind comes at least twice.
        choose = random.Random(4)
        kinds = [self.kill_whole_job, self.stop_a_worker, self.kill_a_worker, self.stop_by_mpirun]
        for target in (0, 1, 2, 4, 6, 9, 15, 22, 30):
            job = self.start(*LINE, launcher=mpirun(choose.choice((2, 3, 4))))
            self.wait_until(lambda: (self.runs() if target else job.ranks())
                            and self.done() >= target, job.process)
            seen = self.done()
            kinds[0](job)
            self.assertGreaterEqual(self.done(), seen)  # what was there once stays
            kinds.append(kinds.pop(0))
        self.hierevo("search", "--run", self.run_dir, *LINE, launcher=mpirun(3))
        self.assert_finished(40)

    def test_a_killed_evaluator_of_a_program_leaves_no_file(self):
        temporary, hangs = self.folder / "tmp", self.folder / "hangs"
        temporary.mkdir()
        hangs_once = "[ $HIEREVO_ID = 2 ] && [ ! -e hangs ] && touch hangs && sleep 1000"
        with unittest.mock.patch.dict(os.environ, TMPDIR=str(temporary)):
            job = self.start(*self.evaluated_by(hangs_once), "--population", 2, "--evaluations", 4)
        self.wait_until(hangs.exists, job.process)
        self.assertTrue((self.run_dir / "inflight" / "2.json").exists())
        os.kill(job.evaluators()[0], signal.SIGKILL)
        self.assertEqual(self.wait_for_end(job), 0, job.text())
        self.assert_finished(4)
        self.assertEqual(list(temporary.iterdir()), [])
        self.assertEqual(list((self.run_dir / "inflight").iterdir()), [])
        self.hierevo("verify", "--run", self.run_dir)

    def test_another_number_of_ranks_goes_on(self):
        job = self.start(*LINE, launcher=mpirun(4))
        self.wait_until_done(6, job)
        self.kill_whole_job(job)
        self.hierevo("search", "--run", self.run_dir, *LINE)  # one process
        self.assert_finished(40)

    def test_rank_0_evaluates_one_at_a_time(self):
        job = self.start("--evaluator", "synthetic", "--synthetic-ms", 1e8, "--master-evaluates",
                         "--evaluators-per-device", 2, "--progress", "live",
                         launcher=mpirun(2))
        self.wait_for_text("busy 3/3", job)
        self.assertEqual(len(job.evaluators()), 3)

    def test_errors_are_told_once(self):
        result = self.hierevo("search", "--run", self.run_dir, "--population", 1,
                              launcher=mpirun(3), code=2)
        self.assertEqual(result.stderr.count("--population is 1"), 1)
        result = self.hierevo("search", "--run", self.run_dir, "--workers", 2,
                              launcher=mpirun(3), code=2)
        self.assertEqual(result.stderr.count("--workers cannot be used under mpirun"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
