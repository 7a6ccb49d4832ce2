"""slurm/search.sh on two nodes finishes, with srun and with mpirun."""
from slurm_jobs import SlurmTest


class Finishes(SlurmTest):
    def test_training_with_srun(self):
        job = self.training(8, "--steps", 3,
                            options=("--nodes=2", "--ntasks-per-node=2", "--time=30"))
        self.assert_completed(job, 8)
        said = self.output_of(job)
        for rank, node in ((1, "n1"), (2, "n2"), (3, "n2")):
            self.assertRegex(said, rf"Rank {rank} is on {node}, 1 evaluator on ")
        self.assertIn("(job ends in ", said)

    def test_training_with_mpirun(self):
        self.site("mpirun")
        job = self.training(8, "--steps", 3)
        self.assert_completed(job, 8)

    def test_run_directory_is_named_after_the_ini_file(self):
        (self.folder / "my search.ini").write_text(
            "evaluator=synthetic\npopulation=4\nevaluations=10\n")
        job = self.submit("my search.ini", options=("--ntasks=2",))
        self.run_dir = self.folder / "my search"
        self.assert_completed(job, 10)

    def test_dry_run(self):
        job = self.submit("--run", self.run_dir, "--evaluator", "synthetic", "--dry-run",
                          options=("--ntasks=2",))
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assertIn("Nothing was written", self.output_of(job))
        self.assertFalse(self.run_dir.exists())
