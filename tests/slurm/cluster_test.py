"""The test cluster leaves nothing behind, however it ends."""
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import unittest

from programs import DEADLINE
from slurm_jobs import CLUSTER


class Cluster(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-slurm-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.cluster, "down")

    def cluster(self, command, *arguments):
        return subprocess.run([CLUSTER, command, self.folder, *arguments], text=True,
                              capture_output=True, timeout=DEADLINE)

    def up(self):
        result = self.cluster("up")
        if result.returncode == 77:
            print(result.stderr, file=sys.stderr)
            sys.exit(77)
        self.assertEqual(result.returncode, 0, result.stderr)

    def hosts(self):
        return sorted(self.cluster("run", "srun", "--nodes=2", "hostname").stdout.split())

    def assert_nothing_left(self):
        result = self.cluster("check")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_up_and_down_again_and_again(self):
        for _ in range(2):
            self.up()
            self.assertEqual(self.hosts(), ["n1", "n2"])
            self.assertEqual(self.cluster("check").returncode, 1)
            self.assertIn("already", self.cluster("up").stderr)
            for _ in range(2):
                self.assertEqual(self.cluster("down").returncode, 0)
                self.assert_nothing_left()
        self.assertIn("there is no cluster", self.cluster("run", "true").stderr)

    def test_killed_holder_leaves_nothing(self):
        self.up()
        self.cluster("down")
        holder = subprocess.Popen([CLUSTER, "hold", self.folder], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.assertEqual(holder.stdout.readline(), b"ready\n")
        first = int((self.folder / "namespaces.pid").read_text().split()[0])
        watched = os.pidfd_open(first)
        holder.kill()
        holder.communicate()
        # Readable once the process has exited, and with it all in its namespaces.
        self.assertTrue(select.select([watched], [], [], DEADLINE)[0])
        os.close(watched)
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
