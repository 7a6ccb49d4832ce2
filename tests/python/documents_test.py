#!/usr/bin/env python3
"""The examples of docs/python.md, run as they stand there."""

import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "app"))
from small_data import write_small_data  # noqa: E402

import hierevo  # noqa: E402

HIEREVO = str(pathlib.Path(os.environ["HIEREVO_BIN"], "hierevo"))
TEXT = (ROOT / "docs" / "python.md").read_text()


def examples(title, language="python"):
    """The blocks in this language under a heading, in order."""
    section = re.search(rf"^(#+) {title}\n(.*?)(?=^##|\Z)", TEXT, re.M | re.S)[2]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)


class Documents(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hierevo-test-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.names = {"__name__": "documents", "hierevo": hierevo}

    def hierevo(self, *arguments):
        done = subprocess.run([HIEREVO, *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def run_all(self, title):
        for block in examples(title):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(block, self.names)

    def test_runs(self):
        self.hierevo("search", "--run", "my-run", "--evaluator", "synthetic", "--population", 10,
                     "--evaluations", 30)
        self.run_all("Runs")
        self.assertEqual(len(self.names["table"]), 30)
        self.assertEqual(self.names["cell"], self.names["run"].genotype(self.names["run"].best.id))

    def test_trainings_data_and_networks(self):
        write_small_data(pathlib.Path())
        self.hierevo("prepare", ".", "--out", "data.h5")
        pathlib.Path("cell.json").write_text(hierevo.Genotype.random("3x3,1x3", 3).to_json())
        for out in "my-training", "out":
            self.hierevo("train", "--genotype", "cell.json", "--dataset", "data.h5", "--model",
                         "cifar-small", "--out", out, "--steps", 20, "--batch", 32, "--crop", 16)
        self.run_all("Final trainings")
        self.run_all("Data")
        self.assertEqual(self.names["images"].shape, (1000, 1, 28, 28))
        self.run_all("Genotypes and cells")
        self.assertEqual(self.names["child"].space, self.names["genotype"].space)
        genotype = hierevo.Genotype.from_file("cell.json")
        self.names["genotype"] = genotype
        self.names["pixels"] = self.names["pixels"].float()
        self.run_all("Networks in PyTorch")
        torch = self.names["torch"]
        self.assertEqual(self.names["logits"].shape[1], 10)
        self.assertEqual(self.names["model"](torch.rand(2, 3, 9, 7)).shape, (2, 5, 9, 7))

    def test_evaluations(self):
        program, = examples("Evaluate candidates")
        pathlib.Path("evaluate.py").write_text(program)
        script, = examples("Evaluate candidates", "sh")
        path = f"{pathlib.Path(HIEREVO).parent}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-euc", script.replace("python3", sys.executable)],
                              env={**os.environ, "PATH": path}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        run = hierevo.open_run("mine")
        self.assertEqual((run.state, len(run.history)), ("finished", 20))
        self.assertTrue(all(one.status in ("evaluated", "invalid") for one in run.history))

    def test_results(self):
        block, = examples("What the function gets and gives back")
        exec("def evaluate(candidate, report):\n" + re.sub(r"^", "    ", block, flags=re.M), self.names)
        result = hierevo.evaluate_once(self.names["evaluate"], hierevo.Genotype.trivial("flat"))
        self.assertEqual((result.fitness, result.metrics), (0.9, {"latency": 0.0042}))

    def test_half_trained_candidates(self):
        import torch

        def make_network(genotype):
            net = torch.nn.Linear(1, 1)
            return net, torch.optim.SGD(net.parameters(), lr=0.1)

        def train_one_step(net, optimizer):
            steps.append(1)
            return 0.5

        steps = []
        self.names.update(torch=torch, STEPS=5, make_network=make_network, accuracy=lambda net: 0.25,
                          train_one_step=train_one_step)
        self.run_all("Save half-trained candidates")
        genotype = hierevo.Genotype.trivial("flat")
        with contextlib.redirect_stderr(io.StringIO()):
            result = hierevo.evaluate_once(self.names["evaluate"], genotype, folder="half")
        self.assertEqual((result.fitness, len(steps)), (0.25, 5))

    def test_a_function_without_a_search(self):
        arguments = ["--evaluator", "synthetic", "--population", 4, "--evaluations", 5]
        self.hierevo("search", "--run", "my-run", *arguments)
        self.names["run"] = hierevo.open_run("my-run")
        seeds = []

        def evaluate(candidate, report):
            seeds.append((candidate.seed, candidate.genotype))
            return 0.5

        self.names["evaluate"] = evaluate
        self.run_all("Try a function without a search")
        self.assertEqual(self.names["result"].fitness, 0.5)
        third = self.names["run"].individual(3)
        self.assertEqual(seeds[1:], [(third.seed, self.names["run"].genotype(3))])

    def test_a_search_from_a_notebook(self):
        self.run_all("Search from a notebook")
        self.assertEqual(len(self.names["run"].history), 50)


if __name__ == "__main__":
    unittest.main()
