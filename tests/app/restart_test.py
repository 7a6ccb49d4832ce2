"""A search under mpirun, killed at any moment and started again by the same line, ends with exactly
the evaluations that were asked for."""
import os
import pathlib
import random
import signal
import subprocess
import unittest

from programs import HIEREVO, ProgramTest, mpirun

LINE = ["search", "--evaluator", "synthetic", "--population", "8", "--evaluations", "40",
        "--tournament", "0.3", "--synthetic-ms", "300"]


class Restart(ProgramTest):
    def start(self, ranks):
        process = subprocess.Popen([*mpirun(ranks), HIEREVO, *LINE, "--run", self.run_dir],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def ranks_of(self, process):
        """Process ids of the ranks, by mpirun's children."""
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        try:
            return [int(word) for word in children.read_text().split()]
        except OSError:
            return []

    def done(self):
        if not (self.run_dir / "search.h5").exists():
            return 0
        return self.status()["evaluations"]["done"]

    def kill_whole_job(self, process):
        ranks = self.ranks_of(process)
        process.kill()
        for rank in ranks:
            try:
                os.kill(rank, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
        # The kernel ends the ranks on its own time; their lock goes with them.
        self.wait_until(lambda: all(self.ended(rank) for rank in ranks))

    def ended(self, pid):
        try:
            return "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True

    def kill_a_worker(self, process):
        ranks = self.ranks_of(process)
        if ranks:
            os.kill(ranks[-1], signal.SIGKILL)
        process.wait(timeout=60)
        self.wait_until(lambda: all(self.ended(rank) for rank in ranks))

    def stop_by_mpirun(self, process):
        self.stop(process, process.pid, signal.SIGUSR1)

    def stop_a_worker(self, process):
        ranks = self.ranks_of(process)
        self.stop(process, ranks[-1] if ranks else process.pid, signal.SIGUSR1)

    def stop(self, process, pid, number):
        """Ends with all saved: rank 0 has written its last snapshot behind the signal."""
        before = self.done()
        if process.poll() is None:
            os.kill(pid, number)
        process.wait(timeout=60)
        if before > 0:
            self.assertIn(self.status()["state"], ("saved", "finished"))

    def test_killed_again_and_again(self):
        # However far a start gets before its kill is noticed, every kind comes at least twice.
        choose = random.Random(4)
        kinds = [self.kill_whole_job, self.stop_a_worker, self.kill_a_worker, self.stop_by_mpirun]
        for target in (0, 1, 2, 4, 6, 9, 15, 22, 30):
            process = self.start(choose.choice((2, 3, 4)))
            self.wait_until(lambda: self.ranks_of(process) and self.done() >= target, process)
            seen = self.done()
            kinds[0](process)
            self.assertGreaterEqual(self.done(), seen)  # what was there once stays
            kinds.append(kinds.pop(0))
        self.hierevo(*LINE, "--run", self.run_dir, launcher=mpirun(3))
        self.assert_finished(40)

    def test_another_number_of_ranks_goes_on(self):
        process = self.start(4)
        self.wait_until(lambda: self.done() > 5, process)
        self.kill_whole_job(process)
        self.hierevo(*LINE, "--run", self.run_dir)  # one process
        self.assert_finished(40)

    def test_errors_are_told_once(self):
        result = self.hierevo("search", "--run", self.run_dir, "--population", 1,
                              launcher=mpirun(3), code=2)
        self.assertEqual(result.stderr.count("--population is 1"), 1)
        result = self.hierevo("search", "--run", self.run_dir, "--workers", 2,
                              launcher=mpirun(3), code=2)
        self.assertEqual(result.stderr.count("--workers cannot be used under mpirun"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
