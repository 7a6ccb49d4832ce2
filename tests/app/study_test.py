"""The study in benchmarks/study, with next to no training: that it runs, resumes and adds up."""
import csv
import json
import random
import statistics
import struct
import subprocess
import sys
import unittest

from programs import HIEREVO, SOURCE, ProgramTest

try:
    import h5py  # noqa: F401
except ImportError:
    h5py = None


@unittest.skipUnless(h5py, "no h5py")
class Study(ProgramTest):
    def setUp(self):
        super().setUp()
        noise = random.Random(1)
        for part, count in (("train", 200), ("t10k", 50)):
            (self.folder / f"{part}-images-idx3-ubyte").write_bytes(
                struct.pack(">IIII", 0x803, count, 10, 10) + noise.randbytes(count * 100))
            (self.folder / f"{part}-labels-idx1-ubyte").write_bytes(
                struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))

    def study(self):
        quick = "--steps 2 --channels 2 --crop 8 --batch 8 --train-size 100"
        result = subprocess.run(
            [sys.executable, SOURCE / "benchmarks" / "study" / "study.py", "--out",
             self.folder / "study", "--hierevo", HIEREVO, "--mpirun", "", "--seeds", "2",
             "--dataset", "mnist", "--data-dir", self.folder,
             "--evaluations", "4", "--figure4-points", "2",
             "--search-options", quick + " --population 2 --validation-size 50",
             "--final-options", quick],
            capture_output=True, text=True, timeout=600)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_it_runs_resumes_and_adds_up(self):
        table = self.study()
        self.assertEqual(len(table.splitlines()), 2 + 6)
        self.assertIn("| hierarchical, evolution |", table)
        self.assertEqual(self.study(), table)  # read from its files
        found = json.loads((self.folder / "study" / "study.json").read_text())
        self.assertEqual(len(found["results"]), 6)
        for result in found["results"]:
            self.assertEqual(len(result["values"]), 2)
            self.assertAlmostEqual(result["test_error"]["mean"], statistics.mean(result["values"]))
        with open(self.folder / "study" / "figure3.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 2 * 2 * 2 * 4)  # spaces, seeds, searches, evaluations
        for before, after in zip(rows, rows[1:]):
            if after["step"] != "1":
                self.assertGreaterEqual(float(after["best"]), float(before["best"]))
        with open(self.folder / "study" / "figure4.csv") as file:
            gains = list(csv.DictReader(file))
        self.assertEqual({(row["space"], row["network"]) for row in gains},
                         {(space, network) for space in ("flat", "hierarchical")
                          for network in ("small", "larger")})


if __name__ == "__main__":
    unittest.main(verbosity=2)
