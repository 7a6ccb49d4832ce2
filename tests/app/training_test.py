"""Real training on Fashion-MNIST by search, evaluate and train."""
import json
import os
import re
import subprocess
import unittest
import unittest.mock

from programs import DEADLINE, HIEREVO, SOURCE, behaviour
from terminal import on_terminal
from trainings import TrainingTest

try:
    import h5py
except ImportError:
    h5py = None


class Training(TrainingTest):
    @behaviour
    def test_a_fitness_is_above_chance_and_depends_on_the_seed_alone(self):
        first = self.evaluate()
        self.assertGreater(first["fitness"], 0.2)
        self.assertEqual(len(first["repeat_fitness"]), 2)
        self.assertAlmostEqual(first["fitness"], sum(first["repeat_fitness"]) / 2)
        second = self.evaluate("--only-repeat", 2)
        self.assertEqual(second["repeat_fitness"], first["repeat_fitness"][1:])
        self.assertEqual(second["repeat_loss"], first["repeat_loss"][1:])
        again = self.evaluate()
        self.assertEqual(first["repeat_fitness"], again["repeat_fitness"])
        self.assertEqual(first["repeat_loss"], again["repeat_loss"])
        self.assertNotEqual(first["repeat_fitness"], self.evaluate("--seed", 2)["repeat_fitness"])

    def test_an_evaluator_that_is_given_a_gpu_does_not_train_on_the_cpu_instead(self):
        with_cuda = "CUDA:       not built in" not in self.hierevo("--version").stdout
        told = self.hierevo("search", "--run", self.run_dir, "--population", 2, "--evaluations", 2, *self.quick,
                            "--repeats", 1, "--validation-size", 500, "--steps", 5, "--workers", 2,
                            launcher=["env", "CUDA_VISIBLE_DEVICES=63"], code=2 if with_cuda else 0).stderr
        if not with_cuda:
            return self.assert_finished(2)  # GPUs are ignored
        self.assertIn("2 evaluators share a GPU without NVIDIA's MPS (", told)
        self.assertIn("could not be started: exited with code 2; its last lines: hierevo: CUDA finds no GPU '63'", told)
        self.assertFalse(self.run_dir.exists())

    def test_a_search_trains_and_its_best_cell_is_tested(self):
        self.hierevo("search", "--run", self.run_dir, "--space", "2x3,1x3", "--population", 3,
                     "--evaluations", 5, *self.quick, "--repeats", 1, "--validation-size", 500,
                     "--workers", 2)
        self.assert_finished(5)
        best = self.status()["best"]
        self.assertGreater(best["fitness"], 0.12)
        shown = json.loads(self.hierevo("inspect", "--run", self.run_dir, "--json").stdout)
        self.assertEqual(shown["parameters"], best["parameters"])
        again = json.loads(self.hierevo("evaluate", "--run", self.run_dir).stdout)
        self.assertEqual(again["fitness"], best["fitness"])
        self.assertEqual(again["parameters"], best["parameters"])
        made_up = self.folder / "made up"
        self.hierevo("search", "--run", made_up, "--evaluator", "synthetic", "--population", 2,
                     "--evaluations", 2)
        told = self.hierevo("evaluate", "--run", made_up, code=2).stderr
        self.assertIn("it was searched with --evaluator synthetic, not by training", told)
        note = f"Note: the fitness of the search in '{made_up}' was made up (--evaluator synthetic)"
        for choice, count in (((), 1), (("--id", 1), 0)):
            told = self.hierevo("train", "--run", made_up, *choice, "--data-dir", "none", code=2).stderr
            self.assertEqual(told.count(note), count)
        trained = self.hierevo("train", "--run", self.run_dir, *self.quick)
        self.assertNotIn("Note:", trained.stderr)
        result = json.loads(trained.stdout)
        self.assertGreater(result["test_accuracy"], 0.2)
        self.assertEqual(result["id"], self.status()["best"]["id"])

    def test_repeats_give_mean_and_deviation_and_are_not_made_twice(self):
        first = self.train("--repeats", 2)
        top1 = [repeat["top1"] for repeat in first["repeats"]]
        self.assertNotEqual(top1[0], top1[1])
        self.assertAlmostEqual(first["test_accuracy"], sum(top1) / 2)
        self.assertAlmostEqual(first["test_accuracy_deviation"], abs(top1[0] - top1[1]) / 2**0.5)
        for repeat in first["repeats"]:
            self.assertGreater(repeat["top5"], repeat["top1"])
            self.assertGreater(repeat["images_per_second"], 0)
        self.assertEqual(self.train("--repeats", 2), first)  # read, not trained again
        config = self.folder / f"{self.cell.stem}-train" / "config.ini"
        config.write_text(config.read_text().replace("ema-decay=0", "average=0.5"))  # its former name
        self.assertIn("(--ema-decay was 0.5 and is 0 now)", self.train("--repeats", 3, code=2).stderr)
        config.write_text(config.read_text().replace("average=0.5", "average=0"))
        third = self.train("--repeats", 3)
        self.assertEqual(third["repeats"][:2], first["repeats"])

    @behaviour
    def test_repeats_by_several_processes_give_one_summary(self):
        options = ["--repeats", 3, "--steps", 60, "--out", self.folder / "out"]
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, *options, "--only-repeat"]
        processes = [subprocess.Popen([*map(str, line), str(repeat)], cwd=self.folder, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                     for repeat in (1, 2, 3)]
        told = [process.communicate(timeout=DEADLINE) for process in processes]
        for process, (_, errors) in zip(processes, told):
            self.assertEqual(process.returncode, 0, errors)
        together = json.loads((self.folder / "out" / "result.json").read_text())
        self.assertIn(together, [json.loads(output) for output, _ in told])
        self.assertIsNotNone(together["test_accuracy_deviation"])
        options[-1] = self.folder / "whole"
        whole = self.train(*options)
        for number in range(3):
            self.assertEqual(together["repeats"][number]["loss"], whole["repeats"][number]["loss"])

    @behaviour
    def test_progress_keeps_to_a_line_of_the_terminal(self):
        line = [HIEREVO, "train", "--genotype", self.cell, *self.quick, "--test-every", 5]
        terminal, code = on_terminal(list(map(str, line)), 60, cwd=self.folder)
        self.assertEqual(code, 0, terminal.lines)
        shown = [text for text in terminal.lines if re.match("step |testing: ", text)]
        self.assertLessEqual(len(shown), 2, terminal.lines)  # of the steps, and of the test at the end
        self.assertGreaterEqual(len(shown), 1)
        self.assertLess(max(map(len, shown)), 60)

    @behaviour
    def test_threads_that_do_not_fit_the_cores_are_warned_of(self):
        cores = sorted(os.sched_getaffinity(0))
        bound = ["taskset", "-c", str(cores[0])]
        for command in (["train", "--genotype", self.cell], ["search", "--run", self.run_dir]):
            line = [*command, "--data-dir", "none"]  # which is told after the warning
            told = self.hierevo(*line, "--threads", 2, launcher=bound, code=2).stderr
            self.assertIn("--threads is 2 (this process may run on 1 core).", told)
            self.assertNotIn("--threads is", self.hierevo(*line, launcher=bound, code=2).stderr)
            with unittest.mock.patch.dict(os.environ, {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "16"}):
                told = self.hierevo(*line, code=2).stderr
                if len(cores) > 1:
                    self.assertIn("--threads is 1 (each task of the job has 16 CPUs, and the others idle). "
                                  f"Give --threads {min(len(cores), 16)}, or 1 if that is intended.", told)
                self.assertNotIn("--threads is",
                                 self.hierevo(*line, "--threads", 1, code=2).stderr)

    def test_the_log_tells_steps_tests_and_starts(self):
        self.train("--steps", 30, "--test-every", 10, "--out", self.folder / "out",
                   "--lr-reference-batch", 16)
        lines = (self.folder / "out" / "repeat-1" / "log.jsonl").read_text().splitlines()
        lines = list(map(json.loads, lines))
        events = [line["event"] for line in lines]
        self.assertEqual((events[0], events[-1]), ("start", "end"))
        self.assertEqual([line["step"] for line in lines if line["event"] == "test"], [10, 20, 30])
        steps = [line for line in lines if line["event"] == "step"]
        self.assertEqual([line["step"] for line in steps], list(range(1, 31)))
        for line in steps:
            self.assertGreater(line["images_per_second"], 0)
            self.assertLessEqual(line["data_share"], 1)
        # --lr 0.1 for batches of 16, and these are of 32.
        self.assertAlmostEqual(steps[0]["lr"], 0.2)
        self.assertIn("--lr-reference-batch is -1", self.train("--lr-reference-batch", -1, code=2).stderr)

    def test_the_log_is_not_written_through_a_link(self):
        line = ["train", "--genotype", self.cell, *self.quick, "--steps", 10, "--out", self.folder / "out"]
        self.hierevo(*line)
        folder = self.folder / "out" / "repeat-2"
        folder.mkdir()
        victim = self.folder / "victim"
        victim.write_text("precious\n")
        (folder / "log.jsonl").symlink_to(victim)
        told = self.hierevo(*line, "--repeats", 2).stderr
        self.assertIn("log.jsonl' (it is a symbolic link). Remove the link. The training continues without it.",
                      told)
        self.assertEqual(victim.read_text(), "precious\n")

    def test_a_dry_run_checks_and_writes_nothing(self):
        line = ["train", "--genotype", self.cell, *self.quick, "--out", self.folder / "out", "--dry-run"]
        said = self.hierevo(*line)
        self.assertRegex(said.stderr, "Everything is ready to train [0-9]+ parameters for 100 steps of 32 images")
        self.assertIn("on 2000 images of 'fashion-mnist', and to test on 1000", said.stderr)
        self.assertEqual(said.stdout, "")
        self.assertIn("--batch is 3000", self.hierevo(*line, "--batch", 3000, code=2).stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_a_dry_run_looks_at_what_is_there(self):
        self.train("--steps", 5, "--out", self.folder / "out")
        status = json.loads(self.hierevo("status", "--run", self.folder / "out", "--json").stdout)
        self.assertEqual((status["state"], len(status["repeats"])), ("finished", 1))
        result = json.loads((self.folder / "out" / "result.json").read_text())
        self.assertAlmostEqual(status["test_accuracy"], result["test_accuracy"])
        told = self.hierevo("inspect", "--run", self.folder / "out", code=2).stderr
        self.assertIn("This is the folder of a training", told)
        told = self.train("--steps", 6, "--out", self.folder / "out", "--dry-run", code=2).stderr
        self.assertIn("--steps was 5 and is 6 now", told)
        self.train("--steps", 5, "--threads", 2, "--out", self.folder / "out")  # may be others
        (self.folder / "out" / "config.ini").unlink()
        told = self.train("--steps", 5, "--out", self.folder / "out", code=2).stderr
        self.assertIn("config.ini' is missing or empty (what was begun there cannot be resumed", told)

    def test_it_trains_also_where_nobody_reads_its_messages(self):
        options = ["--genotype", self.cell, *self.quick, "--steps", 5, "--progress", "lines"]
        printed, code = self.unheard("train", *options, "--out", self.folder / "out")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(printed), json.loads((self.folder / "out/result.json").read_text()))
        printed, code = self.unheard("evaluate", *options, "--repeats", 1, "--validation-size", 100)
        self.assertEqual((code, json.loads(printed)["status"]), (0, "evaluated"))

    @unittest.skipUnless(h5py, "no h5py")
    def test_the_example_of_the_format_reads_the_weights(self):
        self.train("--steps", 2, "--out", self.folder / "OUT")
        document = (SOURCE / "io" / "FORMAT.md").read_text().split("\n## Training\n")[1]
        code = re.search(r"^```python\n(.*?)^```", document, re.M | re.S)[1]
        names = {}
        exec(code.replace("OUT/", f"{self.folder}/OUT/"), names)
        self.assertEqual(names["weights"]["stem.0.weight"].shape, (4, 1, 3, 3))
        self.assertEqual(names["weights"]["classifier.bias"].shape, (10,))

    def test_a_divergence_is_a_result(self):
        shown = self.hierevo("evaluate", "--genotype", self.cell, *self.quick, "--repeats", 1,
                             "--validation-size", 500,
                             "--lr", 1e30, code=4)
        self.assertEqual(json.loads(shown.stdout)["status"], "diverged")

    def test_a_network_that_no_memory_holds_is_refused(self):
        nodes = 24  # each reads all before it, so that the width doubles with each
        cell = self.folder / "wide.json"
        cell.write_text(json.dumps({"format": "hierevo.genotype", "version": 1, "levels": [
            {"level": 2, "nodes": nodes, "motifs": [["identity"] * (nodes * (nodes - 1) // 2)]}]}))
        for command in (("evaluate",), ("train", "--out", self.folder / "wide")):
            told = self.hierevo(*command, "--genotype", cell, *self.quick, "--validation-size", 500,
                                code=2).stderr
            self.assertRegex(told, r"too large for this machine \(.* GB of memory, and .* are available")
            self.assertIn("32 images of 16×16 at a time", told)
            told = self.hierevo(*command, "--genotype", cell, *self.quick, "--validation-size", 500,
                                "--crop", 0, code=2).stderr
            self.assertIn("32 images of 28×28 at a time", told)
        self.assertFalse((self.folder / "wide").exists())

    @behaviour
    def test_a_folder_that_is_no_data_set_is_told_so(self):
        (self.folder / "img").mkdir()
        for name in ("img", "./img"):
            self.assertRegex(self.hierevo("evaluate", "--genotype", self.cell, "--dataset", name, code=2).stderr,
                             r"--dataset is '[^']*img', a folder \(it has no index.h5")

    def test_data_and_options_that_do_not_fit_are_refused(self):
        search = ["search", "--run", self.run_dir]
        self.refused(*search, "--crop", 29, says="the images are 28×28")
        self.refused(*search, "--dataset", "fashion-minst", says="fashion-mnist")
        self.refused(*search, "--data-dir", self.folder, says=str(self.folder))
        self.refused(*search, "--train-size", 60000, "--validation-size", 1, says="60000")
        self.refused(*search, "--train-size", 100, "--batch", 200, says="100 training images")
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3",
                     "t10k-labels-idx1"):
            (self.folder / f"{name}-ubyte").write_bytes(b"\0\0\x08\x07" + bytes(100))
        self.refused(*search, "--data-dir", self.folder, says="idx")

if __name__ == "__main__":
    unittest.main(verbosity=2)
