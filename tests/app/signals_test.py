"""Signals to any process of a search: it saves and ends, in bounded time."""
import os
import resource
import signal
import subprocess
import unittest

from jobs import JobTest
from programs import DEADLINE, HIEREVO, SANITIZED, mpirun, mpirun_is_of_mpich

LINE = ["--evaluator", "synthetic", "--population", "8", "--evaluations", "5000", "--tournament",
        "0.3", "--synthetic-ms", "50"]
SAVED = 75
HANGING_OPEN = ("HIEREVO_HANGS_AT=/inflight/4.json", f"LD_PRELOAD={os.environ['HIEREVO_HANGING_OPEN']}",
                # Their runtime, where a preset has it, wants to come first.
                f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0")


class Signals(JobTest):
    def test_any_rank_and_mpirun_pass_them_on(self):
        # With sanitizers, one signal: the others differ in their numbers.
        for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGTERM)[2 if SANITIZED else 0:]:
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

    def search_read_by(self, ends):
        """A search whose messages go to the second of these, and the process."""
        process = subprocess.Popen([HIEREVO, "search", "--run", self.run_dir, *LINE, "--progress",
                                    "live"], stderr=ends[1], start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(ends[1])
        return process

    def test_without_a_reader_of_its_messages_it_goes_on_and_saves(self):
        for kind in (os.pipe, os.openpty):
            with self.subTest(kind=kind.__name__):
                self.run_dir = self.folder / kind.__name__
                ends = kind()
                process = self.search_read_by(ends)
                self.assertTrue(self.wait_until(lambda: self.done() >= 3, process))
                os.close(ends[0])
                seen = self.done()
                # Each of its updates finds nobody.
                self.assertTrue(self.wait_until(lambda: self.done() >= seen + 10, process))
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(timeout=DEADLINE), SAVED)
                self.assertEqual(self.status()["state"], "saved")

    def test_a_command_that_only_prints_ends_quietly_with_its_reader(self):
        process = subprocess.Popen([HIEREVO, "sample", "--count", "100000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(b"hierevo.genotype", process.stdout.readline())
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(process.wait(timeout=DEADLINE), -signal.SIGPIPE)

    def test_what_its_parent_ignores_stays_ignored(self):
        job = self.start(*LINE, launcher=("sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh"))
        self.wait_until_done(3, job)
        for number in (signal.SIGINT, signal.SIGHUP):
            os.kill(job.process.pid, number)
        self.wait_until_done(self.done() + 10, job)
        self.assertNotIn("Asked to stop", job.text())
        os.kill(job.process.pid, signal.SIGTERM)
        self.assertEqual(self.wait_for_end(job), SAVED)

    def test_a_limit_of_size_is_a_full_disk(self):
        job = self.start(*LINE, "--evaluations", 1000000, "--synthetic-ms", 0, "--progress", "off")
        self.wait_until_done(3, job)
        limit = (self.run_dir / "journal").stat().st_size + 4096
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(job.process.pid, resource.RLIMIT_FSIZE, (limit, unlimited))
        self.wait_for_text("File too large", job)
        resource.prlimit(job.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        self.wait_until_done(self.done() + 1, job)
        os.kill(job.process.pid, signal.SIGTERM)
        self.assertEqual(self.wait_for_end(job), SAVED)
        self.assertEqual(list(self.run_dir.rglob("*.tmp")), [])
        self.hierevo("verify", "--run", self.run_dir)

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
        """A search that evaluates in its own process, and hangs there with its fourth candidate: the
        file system does not take the file of its genotype."""
        job = self.start(*self.evaluated_by(":"), "--isolation", "none", "--grace", grace, "--progress", "off",
                         launcher=("env", *HANGING_OPEN))
        self.wait_until(lambda: (self.run_dir / "search.h5").exists() and self.kept() == (3, 1), job.process)
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
