"""slurm/search.sh puts its job into the queue again when it is told to save, and only then."""
import unittest

from slurm_jobs import TRAINING, SlurmTest


class Restart(SlurmTest):
    def stopped_evaluations(self):
        """Options of evaluations that wait while the file `gate` is not there."""
        program = self.folder / "evaluate.sh"
        program.write_text("#!/bin/sh\nuntil [ -e \"$1\" ]; do sleep 0.1; done\n"
                           "sleep 0.2\necho '{\"fitness\": 0.5}'\n")
        program.chmod(0o755)
        return ["--run", self.run_dir, "--evaluator", "command", "--population", 4,
                "--command", f"'{program}' '{self.folder}/gate'", "--grace", "10"]

    def test_time_limit_three_times(self):
        gate = self.folder / "gate"
        gate.touch()
        job = self.submit(*self.stopped_evaluations(), "--evaluations", 40,
                          options=("--nodes=2", "--ntasks-per-node=2", "--time=1",
                                   "--signal=B:USR2@59"))
        chained = self.submit(options=(f"--dependency=afterok:{job}",),
                              script=self.chained_script())
        for restart in (1, 2, 3):
            self.wait_for_done(4 * restart)
            gate.unlink()  # the limit comes before the end
            self.wait_for_restart(job, restart)
            self.assertEqual(self.state_of(chained), "PENDING")
            gate.touch()
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(40)
        self.assertEqual(self.wait_for_end(chained), ("COMPLETED", "0:0"))
        self.assertTrue((self.folder / "chained").exists())

    def chained_script(self):
        script = self.folder / "chained.sh"
        script.write_text("#!/bin/sh\ntouch chained\n")
        return script

    def stop_and_go_on(self, *signal_options):
        job = self.synthetic(60, 300)
        self.wait_for_done(3)
        before = self.done()
        self.on_head("scancel", *signal_options, job)
        self.wait_for_restart(job, 1)
        self.assertGreaterEqual(self.done(), before)
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(60)
        self.assertEqual(self.restarts(job), 1)

    def test_signal_with_srun(self):
        self.stop_and_go_on("--signal=USR2")

    def test_signal_with_mpirun(self):
        self.site("mpirun")
        self.stop_and_go_on("--signal=USR2", "--full")

    def test_half_trained_candidates_go_on(self):
        job = self.submit("--run", self.run_dir, *TRAINING, "--steps", 60)
        self.wait_for_done(1)
        self.on_head("scancel", "--signal=USR2", "--full", job)
        self.wait_for_restart(job, 1)
        self.assertIn("saved", self.output_of(job))
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(8)

    def test_ends_without_progress(self):
        self.site("srun", "restarts=2")
        job = self.submit(*self.stopped_evaluations(), "--evaluations", 10)
        for restart in (0, 1):
            self.wait_for_restart(job, restart)
            self.wait_until(lambda: (self.run_dir / "search.h5").exists() and
                            self.status()["state"] == "running")
            self.on_head("scancel", "--signal=USR2", "--batch", job)
        self.assertEqual(self.wait_for_end(job), ("FAILED", "75:0"))
        self.assertIn("brought no new evaluation", self.output_of(job))

    def test_array_job(self):
        base = self.run_dir
        job = self.submit("--run", base, "--evaluator", "synthetic", "--population", 4,
                          "--evaluations", 30, "--synthetic-ms", 300,
                          options=("--ntasks=2", "--array=1-2"))
        self.run_dir = base.with_name(base.name + "-2")
        self.wait_for_done(3)
        self.on_head("scancel", "--signal=USR2", "--batch", f"{job}_2")
        for task in (1, 2):
            self.run_dir = base.with_name(f"{base.name}-{task}")
            self.assertEqual(self.wait_for_end(f"{job}_{task}"), ("COMPLETED", "0:0"))
            self.assert_finished(30)
            self.assertEqual(self.restarts(f"{job}_{task}"), task - 1)
            self.assertIn(f"seed={task}", (self.run_dir / "config.ini").read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
