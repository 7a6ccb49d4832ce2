"""hierevo train under mpirun: one training by several ranks."""
import json
import os
import shutil
import signal
import unittest

from jobs import JobTest
from programs import HIEREVO, MPIRUN, mpirun
from small_data import write_small_data
from trainings import TrainingTest

try:
    import h5py
except ImportError:
    h5py = None

STEPS = 40


@unittest.skipUnless(h5py, "no h5py")
class TrainingRanks(JobTest, TrainingTest):
    def setUp(self):
        super().setUp()
        # A batch that no number of ranks divides, and a rate at which rounding stays small.
        self.line = ["train", "--genotype", self.cell, "--channels", 4, "--crop", 20, "--steps", STEPS,
                     "--batch", 31, "--train-size", 1000, "--lr", 0.01, "--ema-decay", 0.9,
                     "--test-every", 25, "--data-dir", self.some.name, "--save-every", 0.01,
                     "--sync-batchnorm"]

    def train(self, ranks, out, *options, code=0):
        return self.hierevo(*self.line, "--out", self.folder / out, *options, launcher=mpirun(ranks),
                            code=code)

    def last(self, out):
        return self.folder / out / "repeat-1" / "last.h5"

    def saved_step(self, out):
        """That of the newest save; 0 before the first."""
        try:
            with h5py.File(self.last(out)) as file:
                return len(file["losses"])
        except OSError:
            return 0

    def interrupt(self, ranks, out, number, rank, *options):
        """Sends the signal to a rank when a step has been saved in this start; again from where it began
        if the training was done by then."""
        folder, begun = self.folder / out, self.folder / "begun"
        shutil.rmtree(begun, ignore_errors=True)
        if folder.exists():
            shutil.copytree(folder, begun)
        before = self.saved_step(out)
        while True:
            job = self.start_job(*mpirun(ranks), HIEREVO, *self.line, "--out", folder, *options)
            if self.wait_until(lambda: self.saved_step(out) > before, job.process):
                rank_id = job.ranks().get(rank)
                if rank_id is not None:
                    os.kill(rank_id, number)
            code = self.wait_for_end(job)
            if self.saved_step(out) < STEPS:
                return code, job.text()
            shutil.rmtree(folder)
            if begun.exists():
                shutil.copytree(begun, folder)

    def result(self, out):
        return json.loads((self.folder / out / "result.json").read_text())["repeats"][0]

    def losses(self, out):
        with h5py.File(self.last(out)) as file:
            self.assertEqual(len(file["losses"]), STEPS)
            return list(file["losses"])

    def distance(self, one, other):
        return max(abs(a - b) for a, b in zip(self.losses(one), self.losses(other)))

    def log(self, out, event):
        lines = (self.last(out).parent / "log.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def test_stopped_and_killed_it_ends_bit_for_bit_as_if_never_interrupted(self):
        told = self.train(2, "whole").stderr
        self.assertRegex(told, "(?m)^Rank 0 is on .*\\nRank 1 is on ")
        self.assertEqual(told.count("Test error"), 1)
        code, told = self.interrupt(2, "parts", signal.SIGTERM, 1)
        self.assertEqual(code, 75, told)
        self.assertEqual(told.count("The training was stopped at step"), 1)
        self.assertIn("all is saved in", told)
        code, _ = self.interrupt(2, "parts", signal.SIGKILL, 0)
        self.assertNotIn(code, (0, 75))
        code, _ = self.interrupt(2, "parts", signal.SIGKILL, 1)
        self.assertNotIn(code, (0, 75))
        self.assertIn("Resuming at step", self.train(2, "parts").stderr)
        with h5py.File(self.last("whole")) as whole, h5py.File(self.last("parts")) as parts:
            for group in ("weights", "momentum", "average"):
                self.assertEqual(list(whole[group]), list(parts[group]))
                for name in whole[group]:
                    self.assertEqual(whole[group][name][...].tobytes(),
                                     parts[group][name][...].tobytes(), name)
        self.assertEqual(self.losses("whole"), self.losses("parts"))
        for name in ("top1", "top5", "best", "loss"):
            self.assertEqual(self.result("whole")[name], self.result("parts")[name], name)
        self.assertEqual(len(self.log("parts", "start")), 4)
        self.assertEqual({line["ranks"] for line in self.log("parts", "start")}, {2})
        steps = {line["step"]: line["loss"] for line in self.log("parts", "step")}
        self.assertEqual(list(map(steps.get, range(1, STEPS + 1))), self.losses("whole"))

    def test_it_goes_on_with_other_numbers_of_ranks(self):
        """The same up to rounding, which later steps enlarge; another seed is far away."""
        self.line += ["--lr", 0.003]
        self.train(2, "whole")
        self.train(2, "other", "--seed", 2)
        self.assertEqual(self.interrupt(2, "parts", signal.SIGKILL, 1)[0] in (0, 75), False)
        self.assertEqual(self.interrupt(3, "parts", signal.SIGUSR2, 2)[0], 75)
        self.hierevo(*self.line, "--out", self.folder / "parts")  # alone, without mpirun
        self.assertEqual([line["ranks"] for line in self.log("parts", "start")], [2, 3, 1])
        self.assertLess(self.distance("whole", "parts"), 0.003)
        self.assertGreater(self.distance("whole", "other"), 0.1)
        whole, parts = self.result("whole"), self.result("parts")
        self.assertAlmostEqual(whole["top1"], parts["top1"], delta=0.02)
        self.assertEqual((whole["ranks"], parts["ranks"]), (2, 1))

    def test_compressed_gradients_are_rounded(self):
        self.train(2, "whole")
        self.train(2, "rounded", "--compress-gradients", "--bucket-mb", 1)
        whole, rounded = self.losses("whole"), self.losses("rounded")
        self.assertNotEqual(whole, rounded)
        self.assertEqual(whole[0], rounded[0])
        self.assertAlmostEqual(whole[5], rounded[5], delta=0.05)

    def test_ranks_that_differ_are_refused_and_named(self):
        line = [HIEREVO, *map(str, self.line), "--out", str(self.folder / "out")]
        few = self.folder / "few"
        few.mkdir()
        write_small_data(few)
        labels = few / "train-labels-idx1-ubyte"
        content = bytearray(labels.read_bytes())
        content[-1] = (content[-1] + 1) % 10
        labels.write_bytes(content)
        data = line.index("--data-dir") + 1
        whole_data = [*line, "--train-size", "0"]
        for first, second, says in (
                (line, [*line, "--lr", "0.2"], "Rank 1 has other options than rank 0"),
                (whole_data, [*whole_data[:data], str(few), *whole_data[data + 1:]],
                 "Rank 1 has other data than rank 0"),
                (line, [*line, "--steps", "0"], "Rank 1: --steps is 0"),
                (line, [*line, "--dry-run"], "Rank 1 has other options than rank 0"),
                (line, [*line, "--bucket-mb", "1"], "Rank 1 has other options than rank 0"),
                ([*line, "--only-repeat", "1"], line, "Rank 1 has other options than rank 0"),
                (line, [*line, "--data-dir", "nowhere"], "Rank 1: ")):
            result = self.run_both(first, second)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertEqual(result.stderr.count(says), 1, result.stderr)
            self.assertEqual(result.stderr.count("hierevo: "), 1, result.stderr)
            self.assertFalse((self.folder / "out").exists())
        told = self.train(3, "out", "--batch", 4, "--micro-batches", 2, code=2).stderr
        self.assertEqual(told.count("hierevo: A batch of 4 for 3 ranks"), 1, told)
        self.assertEqual(told.count("hierevo: "), 1, told)
        self.assertFalse((self.folder / "out").exists())

    def test_repeats_are_trained_by_all_ranks(self):
        told = self.train(2, "out", "--repeats", 2, "--steps", 5)
        self.assertEqual(told.stderr.count("Test error"), 1)
        result = json.loads(told.stdout)
        self.assertEqual([repeat["ranks"] for repeat in result["repeats"]], [2, 2])
        self.assertEqual(json.loads(self.train(2, "out", "--repeats", 2, "--steps", 5).stdout), result)

    def run_both(self, first, second):
        """Rank 0 and rank 1 with command lines of their own."""
        return self.command([*MPIRUN, "1", *first, ":", MPIRUN[-1], "1", *second])

    def test_a_silent_rank_ends_the_training_which_goes_on_later(self):
        code, told = self.interrupt(2, "out", signal.SIGSTOP, 1, "--rank-timeout", 2)
        self.assertNotIn(code, (0, 75), told)
        self.assertIn("rank 0: ", told)
        self.train(2, "out")
        self.assertEqual(self.result("out")["steps"], STEPS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
