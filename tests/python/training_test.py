#!/usr/bin/env python3
"""Final trainings as Python reads them, and as the programs do."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import unittest
import warnings

import h5py
import hierevo
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "app"))
from programs import CELL, HIEREVO  # noqa: E402
from trainings import TrainingTest  # noqa: E402

OLD_RUNS = ROOT / "tests" / "app" / "old_runs" / "2026-11.tar.xz"


class Trainings(TrainingTest):
    def setUp(self) -> None:
        super().setUp()
        self.out = self.folder / "a training"

    def line(self, *arguments: object) -> list[str]:
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, "--out", self.out]
        return [*map(str, line), *map(str, arguments)]

    def assert_as_status_says(self, training: hierevo.Training) -> None:
        status = json.loads(self.hierevo("status", "--run", training.folder, "--json").stdout)
        self.assertEqual(training.state, status["state"])
        self.assertEqual(training.data["name"], status["data"])
        self.assertEqual(training.options["repeats"], str(status["repeats_wanted"]))
        for name in ("test_accuracy", "test_accuracy_deviation"):
            found = getattr(training, name)
            if status[name] is None:
                self.assertIsNone(found)
            else:
                self.assertAlmostEqual(found, status[name], places=12)
        self.assertEqual(len(training.repeats), len(status["repeats"]))
        for repeat, expected in zip(training.repeats, status["repeats"]):
            self.assertEqual(repeat.number, expected["repeat"])
            for name in ("state", "step", "steps", "loss", "top1"):
                self.assertEqual(getattr(repeat, name), expected[name], name)
            if expected["images_per_second"] > 0:
                pace = repeat.history["images_per_second"].to_numpy()[-1]
                self.assertEqual(pace, expected["images_per_second"])

    def test_a_finished_training_as_train_and_status_print_it(self) -> None:
        printed = self.train("--repeats", 2, "--out", self.out, "--test-every", 30)
        training = hierevo.open_training(self.out)
        self.assertEqual(training.result, printed)
        self.assertEqual(training.test_accuracy, printed["test_accuracy"])
        self.assertEqual([one.result for one in training.repeats], printed["repeats"])
        self.assertEqual(training.genotype_json, CELL)
        self.assertEqual(json.loads(training.genotype.to_json()), CELL)
        self.assertEqual(len(training.data["class_names"]), 10)
        self.assertEqual(training.options["channels"], "4")
        self.assert_as_status_says(training)
        for repeat, result in zip(training.repeats, printed["repeats"]):
            self.assertEqual(repeat.history["step"].tolist(), list(range(1, 101)))
            self.assertEqual(repeat.tests["step"].tolist(), [30, 60, 90, 100])
            self.assertEqual(repeat.tests["top1"].max(), result["best"]["top1"])

    def test_weights_are_those_of_the_files(self) -> None:
        self.train("--out", self.out, "--ema-decay", 0.9)
        repeat = hierevo.open_training(self.out).repeats[0]
        snapshot = repeat.snapshot()
        self.assertEqual((snapshot.step, snapshot.model), (100, "cifar-small"))
        self.assertEqual(snapshot.genotype, CELL)
        np.testing.assert_allclose(snapshot.losses, repeat.history["loss"], rtol=1e-12)
        with h5py.File(repeat.last) as file:
            for name in ("weights", "momentum", "average"):
                tensors = getattr(snapshot, name)
                self.assertEqual(sorted(tensors), sorted(file[name]))
                for one, tensor in tensors.items():
                    np.testing.assert_array_equal(tensor, file[name][one][...])
        self.assertEqual(next(iter(snapshot.weights)), "stem.0.weight")  # the network's order
        best = hierevo.read_training_snapshot(repeat.best)
        self.assertEqual((best.top1, best.step), (snapshot.top1, snapshot.best_step))

    def test_a_running_stopped_and_resumed_training(self) -> None:
        line = self.line("--steps", 20000, "--save-every", 0.2, "--repeats", 2)
        process = subprocess.Popen(line, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        saved = self.out / "repeat-1" / "last.h5"
        self.assertTrue(self.wait_until(saved.exists, process))
        training = hierevo.open_training(self.out)
        self.assertEqual((training.state, training.repeats[0].state), ("running", "running"))
        self.assertGreater(training.repeats[0].snapshot().step, 0)
        self.assertIsNone(training.test_accuracy)
        process.kill()
        process.wait()
        training.refresh()
        self.assertEqual(training.state, "stopped")
        self.assert_as_status_says(training)
        step = training.repeats[0].snapshot().step
        before = saved.stat().st_mtime_ns
        self.stop_when_there_is(line, saved)
        self.assertNotEqual(before, saved.stat().st_mtime_ns)
        training.refresh()
        self.assertEqual(training.state, "saved")
        self.assert_as_status_says(training)
        repeat = training.repeats[0]
        self.assertGreater(repeat.snapshot().step, step)
        steps = repeat.history["step"].tolist()
        self.assertEqual(steps, sorted(set(steps)))  # what was made again is there once

    def test_of_an_earlier_program(self) -> None:
        with tarfile.open(OLD_RUNS) as archive:
            archive.extractall(self.folder)
        training = hierevo.open_training(self.folder / "training")
        self.assert_as_status_says(training)
        self.assertEqual(training.repeats[0].snapshot().step, 12)
        self.assertEqual(training.options["ema-decay"], "0.9")
        candidate = hierevo.read_training_snapshot(self.folder / "trained" / "inflight" / "6.h5")
        self.assertGreater(candidate.step, 0)

    def test_damage_is_found_wherever_it_is(self) -> None:
        self.train("--out", self.out)
        training = hierevo.open_training(self.out)
        repeat = training.repeats[0]
        last = pathlib.Path(repeat.last)
        whole = last.read_bytes()
        rng = random.Random(1)
        for place in [0, 18, 25, 511, *(rng.randrange(len(whole)) for _ in range(30))]:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << rng.randrange(8)
            last.write_bytes(bytes(damaged))
            try:
                hierevo.read_training_snapshot(last)
            except hierevo.FileError:
                continue
            self.fail(f"damage at byte {place} was not found")
        last.write_bytes(whole[:-1])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.assertEqual(repeat.snapshot().step, 100)  # of last.h5.1
        self.assertRegex(
            str(caught[0].message),
            r"last\.h5': it is torn .* 'last\.h5\.1' is used".replace("'last", "'.*/last"),
        )
        for name in ("last.h5", "last.h5.1"):
            (self.out / "repeat-1" / name).unlink()
        with self.assertRaises(hierevo.MissingFileError):
            repeat.snapshot()

    def test_files_for_information_may_be_anything(self) -> None:
        self.train("--out", self.out)
        rng = random.Random(2)
        names = ("log.jsonl", "progress.json", "result.json", "../data.json")
        files = [self.out / "repeat-1" / name for name in names]
        contents = {file: file.read_bytes() for file in files}
        for file, content in contents.items():
            for _ in range(40):
                damaged = bytearray(content)
                for _ in range(rng.choice([1, 100])):
                    damaged[rng.randrange(len(damaged))] = rng.randrange(256)
                file.write_bytes(bytes(damaged[: rng.randrange(len(damaged) + 1)]))
                training = hierevo.open_training(self.out)
                len(training.repeats[0].history) + len(training.repeats[0].tests)
                self.assertIsInstance(training.repeats[0].result, dict)
            for text in ("[" * 100000, "[1]", '{"event": "step", "step": 1e999}', "\0", "{}"):
                file.write_text(text)
                training = hierevo.open_training(self.out)
                self.assertLessEqual(len(training.repeats[0].history), 100)
            file.write_bytes(content)
        self.assert_as_status_says(hierevo.open_training(self.out))

    def test_what_is_no_training(self) -> None:
        empty = self.folder / "empty"
        empty.mkdir()
        for path in (empty, self.cell, self.folder / "nothing"):
            with self.assertRaisesRegex(hierevo.FileError, "there is no training"):
                hierevo.open_training(path)
        (empty / "genotype.json").write_text("[]")
        (empty / "config.ini").write_text("steps=5\n")
        with self.assertRaisesRegex(hierevo.FileError, "no genotype"):
            hierevo.open_training(empty)
        (empty / "genotype.json").unlink()
        os.mkfifo(empty / "genotype.json")
        with self.assertRaisesRegex(hierevo.FileError, "not a regular file"):
            hierevo.open_training(empty)


if __name__ == "__main__":
    unittest.main()
