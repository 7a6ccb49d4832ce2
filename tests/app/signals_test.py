"""Signals to any process of a search: it saves and ends, in bounded time."""
import os
import signal
import unittest

from jobs import JobTest
from programs import mpirun, mpirun_is_of_mpich

LINE = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "5000", "--tournament",
        "0.3", "--synthetic-ms", "50"]
SAVED = 75


class Signals(JobTest):
    def test_any_rank_and_mpirun_pass_them_on(self):
        for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGTERM):
            for to in ("worker", "rank 0", "mpirun"):
                if to == "mpirun" and number == signal.SIGUSR2 and mpirun_is_of_mpich():
                    continue  # it ends at that, and all ranks with it
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
            os.kill(job.process.pid, signal.SIGUSR1)
            code = job.process.wait(timeout=grace + 30)
            if not launcher or not mpirun_is_of_mpich():  # which says 0
                self.assertEqual(code, SAVED, job.text())
            self.wait_for_end(job)
            self.assertIn("could not be saved half-trained in time", job.text())
            self.assertIn("Stopped and saved", job.text())
            status = self.status()
            self.assertEqual(status["state"], "saved")
            self.assertEqual(status["evaluations"]["in_flight"], workers)

    def test_a_second_interrupt_ends_it_at_once(self):
        job = self.stop_an_evaluator((), workers=1, grace=1e6)
        self.interrupt_twice(job)

    def interrupt_twice(self, job):
        os.kill(job.process.pid, signal.SIGINT)
        self.wait_for_text("Asked to stop", job)
        os.kill(job.process.pid, signal.SIGINT)
        self.assertEqual(self.wait_for_end(job), -signal.SIGINT)  # 130 for a shell

    def hang_within(self, grace):
        """A search that evaluates in its own process, and hangs there with its fourth candidate: its
        genotype goes to a file that does not take it."""
        job = self.start(*self.evaluated_by("[ $HIEREVO_ID != 3 ] || "
                                            'mkfifo "${1%/*}/4.json.$(uname -n).$PPID.tmp"'),
                         "--isolation", "none", "--grace", grace, "--progress", "off")
        self.wait_until(lambda: list(self.run_dir.glob("inflight/4.json.*.tmp")), job.process)
        self.wait_until(lambda: self.kept() == (3, 1), job.process)
        return job

    def kept(self):
        evaluations = self.status()["evaluations"]
        return evaluations["done"], evaluations["in_flight"]

    def test_an_evaluation_that_hangs_in_the_process_itself_does_not_keep_it(self):
        grace = 10
        job = self.hang_within(grace)
        os.kill(job.process.pid, signal.SIGTERM)
        self.assertEqual(job.process.wait(timeout=grace + 10), SAVED, job.text())
        self.assertIn("Evaluators that do not end", job.text())
        self.assertIn("Stopped and saved", job.text())
        self.assertEqual(self.status()["state"], "saved")
        self.assertEqual(self.kept(), (3, 1))

    def test_a_second_interrupt_ends_one_that_hangs_in_itself(self):
        job = self.hang_within(grace=1e6)
        self.interrupt_twice(job)
        self.assertEqual(self.kept(), (3, 1))
        self.hierevo("search", "--run", self.run_dir, *self.evaluated_by(":"), "--evaluations", 5)
        self.assert_finished(5)
        self.assertEqual(list((self.run_dir / "inflight").iterdir()), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
