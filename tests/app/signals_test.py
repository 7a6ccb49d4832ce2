"""Signals to any process of a search: it saves and ends, in bounded time."""
import os
import signal
import unittest

from jobs import JobTest
from programs import mpirun

LINE = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "500", "--tournament",
        "0.3", "--synthetic-ms", "50"]
SAVED = 75


class Signals(JobTest):
    def test_any_rank_and_mpirun_pass_them_on(self):
        for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGTERM):
            for to in ("worker", "rank 0", "mpirun"):
                with self.subTest(signal=number, to=to):
                    job = self.start(*LINE, launcher=mpirun(3))
                    self.wait_until_done(self.done() + 3, job)
                    process = {"worker": job.rank(2), "rank 0": job.rank(0),
                               "mpirun": job.process.pid}[to]
                    os.kill(process, number)
                    self.wait_for_end(job)
                    states = {"saved"}
                    if number == signal.SIGTERM and to == "mpirun":
                        states.add("stopped")  # it kills the ranks a second later
                    self.assertIn(self.status()["state"], states, job.text())

    def test_alone_the_exit_code_says_saved(self):
        job = self.start(*LINE)
        self.wait_until_done(3, job)
        os.kill(job.process.pid, signal.SIGUSR2)
        self.assertEqual(self.wait_for_end(job), SAVED)
        self.assertEqual(self.status()["state"], "saved")

    def stop_an_evaluator(self, launcher, workers, grace):
        """A search of endless evaluations, with an evaluator that answers to nothing."""
        job = self.start("--evaluator", "synthetic", "--synthetic-ms", 1e8, "--grace", grace,
                         "--progress", "off", launcher=launcher)
        self.wait_until(lambda: self.in_flight() == workers, job.process)
        os.kill(job.evaluators()[0], signal.SIGSTOP)
        return job

    def in_flight(self):
        if not (self.run_dir / "journal").exists():
            return 0
        return self.status()["evaluations"]["in_flight"]

    def test_an_evaluator_that_does_not_answer_does_not_keep_it(self):
        grace = 20
        for launcher, workers in (((), 1), (mpirun(3), 2)):
            self.run_dir = self.folder / f"{workers} workers"
            job = self.stop_an_evaluator(launcher, workers, grace=grace)
            os.kill(job.process.pid, signal.SIGUSR2)
            code = job.process.wait(timeout=grace + 30)
            self.assertEqual(code, SAVED, job.text())
            self.wait_for_end(job)
            self.assertIn("could not be saved half-trained in time", job.text())
            self.assertIn("Stopped and saved", job.text())
            status = self.status()
            self.assertEqual(status["state"], "saved")
            self.assertEqual(status["evaluations"]["in_flight"], workers)

    def test_a_second_interrupt_ends_it_at_once(self):
        job = self.stop_an_evaluator((), workers=1, grace=1e6)

        def interrupted():
            if job.process.poll() is None:
                os.kill(job.process.pid, signal.SIGINT)
            return job.process.poll() is not None

        self.wait_until(interrupted)
        self.assertEqual(self.wait_for_end(job), -signal.SIGINT)  # 130 for a shell


if __name__ == "__main__":
    unittest.main(verbosity=2)
