"""slurm/search.sh requeues its job when it is asked to save, and only then."""
from slurm_jobs import SlurmTest

EVALUATIONS = 9


class Restart(SlurmTest):
    def test_time_limit_three_times(self):
        job = self.training(EVALUATIONS, "--steps", 150, "--checkpoint-every", 0.05,
                            options=("--nodes=2", "--ntasks-per-node=2", "--time=1",
                                     "--signal=B:USR2@59"))
        chained = self.submit(options=(f"--dependency=afterok:{job}",),
                              script=self.script("chained.sh", "touch chained"))
        for time in (1, 2, 3):
            self.wait_for_half_trained()
            stopped = self.stop(job, "hierevo-evaluator", "evaluator")
            self.wait_until(lambda: self.output_of(job).count("saving. ") >= time)
            self.go_on(stopped)
            self.wait_until(lambda: self.restarts(job) == self.again_in(job) >= time)
            self.assertEqual(self.state_of(chained), "PENDING")
        self.on_head("scontrol", "update", f"JobId={job}", "TimeLimit=30")
        self.assert_completed(job, EVALUATIONS)
        # Under load some limits are reached before any evaluation has begun.
        self.assertGreaterEqual(self.restarts(job), 3)
        self.assertEqual(self.restarts(job), self.again_in(job))
        self.assertGreaterEqual(self.output_of(job).count(" resumes at step "), 3)
        self.assertEqual(self.wait_for_end(chained), ("COMPLETED", "0:0"))
        self.assertTrue((self.folder / "chained").exists())

    def again_in(self, job):
        return self.output_of(job).count("the job is requeued")

    def wait_for_half_trained(self):
        """An evaluator of this start has saved a candidate."""
        def stamps():
            return {path.stat().st_mtime_ns for path in self.run_dir.glob("inflight/*.h5")}
        before = stamps()
        self.wait_until(lambda: stamps() - before, pause=0.02)

    def stop_and_go_on(self, *signal_options):
        job = self.synthetic(60, 300)
        self.wait_for_done(3)
        before = self.done()
        self.on_head("scancel", *signal_options, job)
        self.wait_for_restart(job, 1)
        self.assertGreaterEqual(self.done(), before)
        self.assert_completed(job, 60)
        self.assertEqual(self.restarts(job), 1)

    def test_signal_with_srun(self):
        self.stop_and_go_on("--signal=USR2")

    def test_signal_with_mpirun(self):
        self.site("mpirun")
        self.stop_and_go_on("--signal=USR2", "--full")

    def test_ends_without_progress(self):
        self.site("srun", "restarts=2")
        job = self.submit(*self.evaluations_that_never_end(), "--evaluations", 10, "--grace", 10)
        for restart in (0, 1):
            self.wait_for_restart(job, restart)
            self.wait_until(lambda: (self.run_dir / "search.h5").exists() and
                            self.status()["state"] == "running")
            self.on_head("scancel", "--signal=USR2", job)
        self.assertEqual(self.wait_for_end(job), ("FAILED", "75:0"))
        self.assertIn("made no progress", self.output_of(job))
        self.assertNotIn("crashed", self.output_of(job))

    def evaluations_that_never_end(self):
        program = self.script("evaluate.sh", "sleep 1000")
        return ["--run", self.run_dir, "--evaluator", "command", "--population", 4,
                "--command", f"'{program}'"]

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
            self.assert_completed(f"{job}_{task}", 30)
            self.assertEqual(self.restarts(f"{job}_{task}"), task - 1)
            self.assertIn(f"seed={task}", (self.run_dir / "config.ini").read_text())
