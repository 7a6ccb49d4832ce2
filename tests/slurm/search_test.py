"""slurm/search.sh on two nodes finishes, with srun and mpirun."""
import unittest

from slurm_jobs import TRAINING, SlurmTest


class Finishes(SlurmTest):
    def assert_finishes(self, job, evaluations):
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(evaluations)

    def test_with_srun(self):
        self.assert_finishes(self.synthetic(40, 20), 40)

    def test_with_mpirun(self):
        self.site("mpirun")
        self.assert_finishes(self.synthetic(40, 20), 40)

    def test_training(self):
        job = self.submit("--run", self.run_dir, *TRAINING, "--steps", 3)
        self.assert_finishes(job, 8)

    def test_run_directory_is_named_after_the_ini_file(self):
        (self.folder / "my search.ini").write_text(
            "evaluator=synthetic\npopulation=4\nevaluations=10\n")
        job = self.submit("my search.ini", options=("--ntasks=2",))
        self.run_dir = self.folder / "my search"
        self.assert_finishes(job, 10)

    def test_dry_run_and_refusal(self):
        job = self.synthetic(10, 0, options=("--ntasks=2",))
        self.assert_finishes(job, 10)
        job = self.submit("--run", self.folder / "b", "--evaluator", "synthetic", "--dry-run",
                          options=("--ntasks=2",))
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        job = self.submit("--run", self.folder / "b", "--population", 1)
        self.assertEqual(self.wait_for_end(job), ("FAILED", "2:0"))
        self.assertEqual(self.restarts(job), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
