"""slurm/search.sh on two nodes finishes, with srun and mpirun."""
import unittest

from programs import HIEREVO
from slurm_jobs import TRAINING, SlurmTest


class Finishes(SlurmTest):
    def assert_finishes(self, job, evaluations):
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"))
        self.assert_finished(evaluations)

    def test_with_srun(self):
        self.assert_finishes(self.synthetic(40, 20), 40)

    def test_time_limit_is_told(self):
        job = self.synthetic(10, 20, options=("--ntasks=2", "--time=30"))
        self.assert_finishes(job, 10)
        self.assertIn("(job ends in ", self.output_of(job))

    def test_srun_without_mpi_is_refused_once(self):
        said = self.refused_by_srun("--mpi=none")
        self.assertEqual(said.count("MPI tells each of them that it is alone"), 1, said)

    def refused_by_srun(self, *options):
        result = self.run_on_head("srun", "--ntasks=4", "--nodes=2", *options, HIEREVO, "search",
                                  "--run", self.run_dir, "--evaluator", "synthetic")
        self.assertEqual(result.returncode, 2)
        self.assertFalse(self.run_dir.exists())
        return result.stderr

    def test_table_of_ranks(self):
        job = self.synthetic(10, 0)
        self.assert_finishes(job, 10)
        for rank, node in ((1, "n1"), (2, "n2"), (3, "n2")):
            self.assertRegex(self.output_of(job), rf"Rank {rank} is on {node}, 1 evaluators on ")

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
