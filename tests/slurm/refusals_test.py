"""What a search on two nodes refuses before it starts, once and with a suggestion."""
import platform
import unittest

from programs import BIN, HIEREVO
from slurm_jobs import TRAINING, SlurmTest

SMALL = ["--evaluator", "synthetic", "--population", "4", "--evaluations", "10"]


class Refusals(SlurmTest):
    def assert_refused(self, job, *says):
        self.assertEqual(self.wait_for_end(job), ("FAILED", "2:0"))
        self.assertEqual(self.restarts(job), 0)
        for text in says:
            self.assertEqual(self.output_of(job).count(text), 1, self.output_of(job))

    def on_node(self, node, *command):
        self.on_head("srun", "--mpi=none", f"--nodelist={node}", "--ntasks=1", *command)

    def test_wrong_option(self):
        job = self.submit("--run", self.run_dir, *SMALL, "--tournament", 7)
        self.assert_refused(job, "--tournament is 7 (")
        self.assertFalse(self.run_dir.exists())

    def test_srun_without_mpi(self):
        result = self.run_on_head("srun", "--ntasks=4", "--nodes=2", "--mpi=none", HIEREVO,
                                  "search", "--run", self.run_dir, *SMALL)
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count("for MPI each of them is alone"), 1)
        self.assertFalse(self.run_dir.exists())

    def test_run_directory_of_one_node(self):
        job = self.submit("--run", "/tmp/run-of-this-node", *SMALL)  # each node has its own /tmp
        self.assert_refused(job, "'/tmp' is not the folder that rank 0 has there",
                            "Choose a --run that all nodes see.")

    def test_data_that_one_node_cannot_read(self):
        self.on_node("n1", "ln", "-s", self.cluster.data, "/tmp/data-of-this-node")
        job = self.submit("--run", self.run_dir, *TRAINING, "--evaluations", 8,
                          "--data-dir", "/tmp/data-of-this-node")
        self.assert_refused(job, " on n2 cannot take part", "Mend this on that host.")

    @unittest.skipUnless(platform.machine() == "x86_64", "its instructions are looked through")
    def test_another_version_on_one_node(self):
        other = self.folder / "other"
        other.mkdir()
        # The beginning of the number, as the compiler puts four bytes into an instruction.
        version = self.hierevo("--version").stdout.split()[1].encode()[:4]
        for program in BIN.glob("hierevo*"):
            changed = program.read_bytes()
            if program.name == "hierevo-search":
                changed = changed.replace(version, b"9" + version[1:])
            (other / program.name).write_bytes(changed)
            (other / program.name).chmod(0o755)
        self.on_node("n1", "ln", "-s", BIN, "/tmp/programs-of-this-node")
        self.on_node("n2", "ln", "-s", other, "/tmp/programs-of-this-node")
        self.site("srun", "bin=/tmp/programs-of-this-node")
        job = self.submit("--run", self.run_dir, *SMALL)
        self.assert_refused(job, "it runs hierevo 9", "Use one installation on all nodes.")
