"""The study in benchmarks/study, with next to no training: that it runs, resumes and adds up."""
import csv
import json
import math
import random
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
        accuracies = {}
        for result in found["results"]:
            values = [1 - accuracy for accuracy in self.chosen(result["space"], result["method"])]
            self.assertEqual(result["values"], values)
            error = result["test_error"]
            self.assertAlmostEqual(error["mean"], sum(values) / 2)
            deviation = abs(values[0] - values[1]) / math.sqrt(2)
            self.assertAlmostEqual(error["deviation"], deviation)
            self.assertAlmostEqual(error["interval"], 12.706 * deviation / math.sqrt(2))
            self.assertIn(f"| {result['space']}, {result['method']} | {100 * error['mean']:.2f} ±", table)
            accuracies.setdefault(result["space"], []).extend(
                zip(result["fitness"], (1 - value for value in values)))
        self.assertEqual(len(found["results"]), 6)
        self.assertGreater(found["evaluations_s"], 0)
        self.assertGreater(found["trainings_s"], 0)
        self.assertEqual(found["trainings"],
                         len(list((self.folder / "study").glob("*/final-*/result.json"))))
        for space, pairs in accuracies.items():
            said = found["fitness_and_accuracy"][space]
            if said is not None:
                self.assertAlmostEqual(said, pearson(pairs))
        with open(self.folder / "study" / "figure3.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 2 * 2 * 2 * 4)  # spaces, seeds, searches, evaluations
        for before, after in zip(rows, rows[1:]):
            if after["step"] != "1":
                self.assertGreaterEqual(float(after["best"]), float(before["best"]))
        with open(self.folder / "study" / "figure4.csv") as file:
            gains = list(csv.DictReader(file))
        self.assertEqual({(row["space"], row["network"], row["seed"]) for row in gains},
                         {(space, network, seed) for space in ("flat", "hierarchical")
                          for network in ("small", "larger") for seed in "12"})
        firsts = {}
        for row in gains:
            accuracy = self.accuracy(f"{row['space']}-evolution-{row['seed']}", row["id"], row["network"])
            self.assertEqual(float(row["accuracy"]), accuracy)
            first = firsts.setdefault((row["space"], row["network"], row["seed"]), accuracy)
            self.assertAlmostEqual(float(row["gain"]), accuracy - first)

    def chosen(self, space, method):
        """Test accuracies of the cells that a method should have chosen, a seed each."""
        algorithm = "evolution" if method == "evolution" else "random"
        for seed in (1, 2):
            folder = f"{space}-{algorithm}-{seed}"
            with h5py.File(self.folder / "study" / folder / "search.h5") as run:
                group = run["individuals"]
                fitness, trained = list(group["fitness"]), [s == 0 for s in group["status"]]
                best = trained.index(True) if method == "random" else fitness.index(max(fitness))
                yield self.accuracy(folder, group["id"][best], "small")

    def accuracy(self, search, individual, network):
        out = self.folder / "study" / search / f"final-{individual}-{network}"
        return json.loads((out / "result.json").read_text())["test_accuracy"]


def pearson(pairs):
    def around_mean(values):
        return [value - sum(values) / len(values) for value in values]
    x, y = (around_mean(values) for values in zip(*pairs))
    product = sum(a * b for a, b in zip(x, y))
    return product / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))


if __name__ == "__main__":
    unittest.main(verbosity=2)
