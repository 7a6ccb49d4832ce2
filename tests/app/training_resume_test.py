"""Trainings that are stopped, killed, taken over or damaged, and what goes on from them."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import unittest
import unittest.mock

from programs import CELL, DEADLINE, HIEREVO, behaviour, steps
from trainings import QUICK, SLOWER, TrainingTest

try:
    import h5py
except ImportError:
    h5py = None


class Resuming(TrainingTest):
    def test_a_stopped_evaluation_goes_on_to_the_same_fitness(self):
        options = [*SLOWER, "--ema-decay", 0.9, "--steps", steps(150), "--validation-size", 200]
        whole = self.evaluate(*options)
        file = self.folder / "half.h5"
        line = [HIEREVO, "evaluate", "--genotype", self.cell, *self.quick, "--repeats", 2, *options,
                "--checkpoint", file, "--checkpoint-every", 0.01]
        told = self.stop_when_there_is(line, file)
        self.assertIn(f"The evaluation was stopped (it is saved in '{file}'). Run the same", told)
        told = self.stop_when_there_is(line, file)
        self.assertIn("resumes at step", told)
        parts = json.loads(self.hierevo(*line[1:]).stdout)
        for name in ("repeat_fitness", "repeat_loss", "fitness"):
            self.assertEqual(parts[name], whole[name], name)
        # What is there is not written over by another evaluation.
        content = file.read_bytes()
        told = self.hierevo(*line[1:], "--lr", 0.2, code=3).stderr
        self.assertIn("belongs to another evaluation", told)
        self.cell.write_text(json.dumps(CELL).replace("separable3x3", "conv1x1"))
        self.assertIn("belongs to another evaluation", self.hierevo(*line[1:], code=3).stderr)
        self.assertEqual(file.read_bytes(), content)
        file.write_bytes(content[:-1])
        self.assertIn("half.h5", self.hierevo(*line[1:], code=3).stderr)

    def test_a_search_goes_on_with_half_trained_candidates(self):
        line = [HIEREVO, "search", "--run", self.run_dir, "--space", "2x3,1x3", "--population", 2,
                "--evaluations", 2, *self.quick, *SLOWER, "--repeats", 1, "--validation-size", 500,
                "--checkpoint-every", 0.01, "--steps", steps(200)]
        first = self.run_dir / "inflight" / "1.h5"
        self.stop_when_there_is(line, first, signal.SIGKILL)
        first.write_bytes(first.read_bytes()[:-1])
        self.assertIn("this file is overwritten",
                      self.stop_when_there_is([*line, "--workers", 2], first))
        self.assertTrue(first.exists())
        self.assertIn("Candidate 1 resumes at step", self.hierevo(*line[1:]).stderr)
        self.assert_finished(2)
        self.assertEqual(list((self.run_dir / "inflight").iterdir()), [])
        shown = json.loads(self.hierevo("inspect", "--run", self.run_dir, "--id", 1, "--json").stdout)
        whole = json.loads(self.hierevo("evaluate", "--run", self.run_dir, "--id", 1).stdout)
        self.assertEqual(whole["fitness"], shown["fitness"])

    def test_a_repeat_is_trained_by_one_process(self):
        options = ["--steps", 100000, "--save-every", 0.01, "--out", self.folder / "out"]
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, *options]
        process = subprocess.Popen([*map(str, line)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        progress = self.folder / "out" / "repeat-1" / "progress.json"
        self.wait_until(progress.exists, process)
        self.assertIn("another process already works there", self.train(*options, code=5).stderr)
        process.send_signal(signal.SIGUSR2)
        self.assertEqual(process.wait(timeout=DEADLINE), 75)
        shown = json.loads(progress.read_text())
        self.assertEqual(shown["state"], "saved")
        self.assertGreater(shown["step"], 0)
        self.assertEqual(shown["steps"], 100000)
        self.assertIn("--only-repeat is 2", self.train("--only-repeat", 2, code=2).stderr)

    def test_a_training_that_is_taken_over_stops_and_writes_nothing_more(self):
        """Where locks do not hold, another process becomes the owner of a repeat all the same."""
        options = ["--steps", 100000, "--save-every", 0.01, "--out", self.folder / "out"]
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, *options]
        process = subprocess.Popen([*map(str, line)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        repeat = self.folder / "out" / "repeat-1"
        self.wait_until((repeat / "progress.json").exists, process)
        self.assertEqual([path.name for path in repeat.glob("owner-*")], ["owner-1"])
        (repeat / "owner-2").write_text("token = 12\nhost = elsewhere\npid = 7\njob = 4711\n")
        errors = process.communicate(timeout=DEADLINE)[1]
        self.assertEqual(process.returncode, 5, errors)
        self.assertIn("another process has taken over this folder of a repeat (process 7 on elsewhere, "
                      "Slurm job 4711", errors)
        self.assertEqual(json.loads((repeat / "progress.json").read_text())["state"], "running")
        self.assertTrue((repeat / "owner-2").exists())
        self.assertFalse((repeat / "owner-1").exists() and (repeat / "owner-3").exists())

    @behaviour
    def test_a_training_of_an_earlier_best_says_of_which(self):
        self.hierevo("search", "--run", self.run_dir, "--evaluator", "synthetic", "--population", 2,
                     "--evaluations", 4)
        best = self.status()["best"]["id"]
        earlier = 1 if best != 1 else 2
        shown = self.hierevo("inspect", "--run", self.run_dir, "--id", earlier, "--json").stdout
        out = self.folder / "out"
        out.mkdir()
        (out / "genotype.json").write_text(json.dumps(json.loads(shown)["genotype"]))
        line = ["train", "--run", self.run_dir, "--out", out, "--data-dir", "none"]
        told = self.hierevo(*line, code=2).stderr
        self.assertIn(f"'{out}' contains a training of another cell (individual {earlier}'s, ", told)
        self.assertIn(f"Give --id {earlier} to resume it, or choose another --out.", told)
        self.assertNotIn("another cell", self.hierevo(*line, "--id", earlier, code=2).stderr)
        (out / "genotype.json").write_text(json.dumps(CELL))
        self.assertIn("(its genotype.json differs)", self.hierevo(*line, code=2).stderr)

    @behaviour
    def test_what_began_otherwise_is_not_gone_on_with(self):
        self.train("--steps", 5)
        told = self.train("--steps", 6, code=2).stderr
        self.assertIn("--steps was 5 and is 6 now", told)
        self.cell.write_text(json.dumps(CELL).replace("separable3x3", "conv1x1"))
        self.assertIn("a training of another cell", self.train("--steps", 5, code=2).stderr)
        (self.folder / "mine").mkdir()
        (self.folder / "mine" / "letter.txt").write_text("dear")
        told = self.train("--out", self.folder / "mine", code=3).stderr
        self.assertIn("it holds other files", told)

    @behaviour
    def test_each_start_may_have_its_data_elsewhere(self):
        """As tasks of a job array have, which are given copies of their own."""
        copies = [self.folder / name for name in ("1", "2")]
        for copy in copies:
            shutil.copytree(self.some.name, copy)
        quick = [*QUICK, "--steps", 5]
        line = ["train", "--genotype", self.cell, *quick, "--repeats", 2, "--out", self.folder / "out"]
        for repeat, copy in enumerate(copies, start=1):
            with unittest.mock.patch.dict(os.environ, {"HIEREVO_DATA_DIR": str(copy)}):
                self.hierevo(*line, "--only-repeat", repeat)
            self.assertNotIn("data-dir", (self.folder / "out" / "config.ini").read_text())
        self.assertTrue((self.folder / "out" / "result.json").exists())
        self.hierevo(*line, "--data-dir", copies[0])
        self.hierevo(*line, "--data-dir", copies[1])
        search = ["search", "--run", self.run_dir, "--space", "2x3,1x3", "--population", 2, *quick,
                  "--repeats", 1, "--validation-size", 500]
        for copy, evaluations in zip(copies, (1, 2)):
            with unittest.mock.patch.dict(os.environ, {"HIEREVO_DATA_DIR": str(copy)}):
                self.hierevo(*search, "--evaluations", evaluations)
        for copy in copies:
            shutil.rmtree(copy)
        with unittest.mock.patch.dict(os.environ, {"HIEREVO_DATA_DIR": self.some.name}):
            self.hierevo("train", "--run", self.run_dir, *quick)
        # The command line goes before the environment in evaluator processes too.
        with unittest.mock.patch.dict(os.environ, {"HIEREVO_DATA_DIR": str(copies[0])}):
            self.hierevo(*search, "--evaluations", 3, "--data-dir", self.some.name)

    @unittest.skipUnless(h5py, "no h5py")
    @behaviour
    def test_stopped_again_and_again_it_ends_with_the_same_weights(self):
        options = [*SLOWER, "--steps", steps(400), "--ema-decay", 0.9, "--mixup", 0.2, "--validation-size", 200,
                   "--test-every", steps(100)]
        whole = self.train(*options, "--out", self.folder / "whole")
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, *options, "--out",
                self.folder / "parts", "--progress", "lines", "--save-every", 0.01]
        last = self.folder / "parts" / "repeat-1" / "last.h5"
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGUSR2):
            self.stop_when_there_is(line, last, number)
        parts = self.train(*options, "--out", self.folder / "parts")
        for name in ("top1", "top5", "loss", "best", "steps"):
            self.assertEqual(parts["repeats"][0][name], whole["repeats"][0][name], name)
        for file in ("last.h5", "best.h5"):
            self.assert_equal_trainings(self.folder / "whole" / "repeat-1" / file,
                                        self.folder / "parts" / "repeat-1" / file)

    @unittest.skipUnless(h5py, "no h5py")
    def test_a_damaged_save_is_told_of_and_the_one_before_gone_on_with(self):
        options = [*SLOWER, "--steps", 60, "--save-every", 0.01]
        whole = self.train(*options, "--out", self.folder / "whole")
        out = self.folder / "out"
        last = out / "repeat-1" / "last.h5"
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, *options, "--out", out]
        earlier = last.with_name("last.h5.1")
        self.stop_when_there_is(line, earlier, signal.SIGKILL)
        content = last.read_bytes()
        last.unlink()  # the earlier one may be another name of it
        last.write_bytes(content[:-1])
        told = self.hierevo(*line[1:]).stderr
        self.assertIn(f"The training resumes from '{earlier}'", told)
        self.assertIn("Resuming at step", told)
        result = json.loads((out / "result.json").read_text())
        self.assertEqual(result["training_loss"], whole["training_loss"])
        (out / "result.json").unlink()
        (out / "repeat-1" / "result.json").unlink()
        for name in ("last.h5", "last.h5.1", "last.h5.2"):
            last.with_name(name).write_bytes(content[:-1])
        told = self.hierevo(*line[1:], code=3).stderr
        self.assertIn("none of its snapshots can be used", told)

    @behaviour
    def test_other_data_are_refused(self):
        data = self.folder / "data"
        out = self.folder / "out"
        shutil.copytree(self.some.name, data)
        line = ["train", "--genotype", self.cell, *QUICK, "--steps", 5, "--train-size", 0, "--data-dir",
                data, "--out", out]
        self.hierevo(*line)
        for name in ("train-labels-idx1", "train-images-idx3", "t10k-images-idx3", "t10k-labels-idx1"):
            file = data / f"{name}-ubyte"
            content = file.read_bytes()
            # Two items change places: no sum over them sees it.
            size = 784 if "images" in name else 1
            first, second = len(content) - size, len(content) - 2 * size
            while content[first:first + size] == content[second:second + size]:
                second -= size
            changed = bytearray(content)
            changed[first:first + size], changed[second:second + size] = (
                content[second:second + size], content[first:first + size])
            file.write_bytes(changed)
            for more in ((), ("--dry-run",)):
                told = self.hierevo(*line, *more, code=2).stderr
                self.assertIn("contains a training on other data", told, name)
            file.write_bytes(content)
        self.hierevo(*line)
        (out / "data.json").write_text("{")
        self.assertIn("does not say which data were read", self.hierevo(*line, code=3).stderr)

    @unittest.skipUnless(h5py, "no h5py")
    def test_a_save_of_another_training_is_refused(self):
        saved = {}
        for name, seed in (("one", 1), ("two", 2)):
            self.train("--steps", 5, "--seed", seed, "--out", self.folder / name)
            saved[name] = self.folder / name / "repeat-1"
        (saved["two"] / "result.json").unlink()
        for file in saved["two"].glob("last.h5*"):
            file.unlink()
        shutil.copy(saved["one"] / "last.h5", saved["two"])
        told = self.train("--steps", 5, "--seed", 2, "--out", self.folder / "two", code=3).stderr
        self.assertIn("its genotype, model or seed differs", told)

    def test_what_cannot_be_written_ends_no_training_and_is_told_at_the_end(self):
        """A limit on the size of files stands for a full disk."""
        out = self.folder / "out"
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, *SLOWER, "--out", out,
                "--save-every", 0.01]
        limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)))
        process = subprocess.run([*map(str, line)], cwd=self.folder, text=True, capture_output=True,
                                 preexec_fn=limit, restore_signals=False, timeout=DEADLINE)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertEqual(process.stderr.count("The save will be retried; the training continues."), 1)
        self.assertIn("step 100 was reached, step 0 is saved", process.stderr)
        self.hierevo(*line[1:])
        # One file that cannot be written does not keep the other from being saved.
        shutil.rmtree(out)
        (out / "repeat-1" / "best.h5").mkdir(parents=True)
        (out / "repeat-1" / "log.jsonl").touch()  # all that a start leaves which is killed at once
        (out / "genotype.json").write_text(json.dumps(CELL))
        told = self.hierevo(*line[1:], code=3).stderr
        self.assertIn("step 100 was reached, step 100 is saved", told)
        # Nor is it forgotten: the next start makes what result.json tells of.
        (out / "repeat-1" / "best.h5").rmdir()
        self.hierevo(*line[1:])
        best = json.loads((out / "repeat-1" / "result.json").read_text())["best"]
        self.assertEqual(best["step"], 100)
        if h5py:
            with h5py.File(out / "repeat-1" / "best.h5") as saved:
                self.assertEqual((saved.attrs["best_step"], saved.attrs["top1"]),
                                 (best["step"], best["top1"]))
        (out / "repeat-1" / "best.h5").unlink()
        told = self.hierevo(*line[1:]).stderr
        self.assertIn("The best weights, after step 100, are not in", told)

    def test_nothing_is_written_into_a_folder_that_took_the_place_of_its_own(self):
        out = self.folder / "out"
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, "--steps", 100000, "--out", out,
                "--save-every", 1000]
        process = subprocess.Popen([*map(str, line)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        log = out / "repeat-1" / "log.jsonl"
        self.wait_until(lambda: log.exists() and '"event":"step"' in log.read_text(), process)
        out.rename(self.folder / "moved")
        (out / "repeat-1").mkdir(parents=True)
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
        self.assertEqual(process.wait(timeout=DEADLINE), 3, told)
        self.assertEqual(list((out / "repeat-1").iterdir()), [])

    def test_a_signal_is_heard_from_the_beginning(self):
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, "--steps", 100000, "--out",
                self.folder / "out"]
        process = subprocess.Popen([*map(str, line)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        program = pathlib.Path(f"/proc/{process.pid}/comm")
        self.wait_until(lambda: program.read_text() == "hierevo-train\n", process)
        process.send_signal(signal.SIGUSR1)  # while its libraries are loaded
        self.assertEqual(process.wait(timeout=DEADLINE), 75)

    def assert_equal_trainings(self, a, b):
        with h5py.File(a) as one, h5py.File(b) as other:
            for group in ("weights", "momentum", "average"):
                self.assertEqual(list(one[group]), list(other[group]))
                self.assertTrue(list(one[group]))
                for name in one[group]:
                    self.assertEqual(one[group][name][...].tobytes(),
                                     other[group][name][...].tobytes(), name)
            self.assertEqual(list(one["losses"]), list(other["losses"]))

if __name__ == "__main__":
    unittest.main(verbosity=2)
