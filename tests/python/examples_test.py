#!/usr/bin/env python3
"""The examples of the package, each as a tiny search, and what their fitness depends on."""

import importlib.util
import pathlib
import sys
import unittest

import hierevo
from runs import ROOT, ProgramTest

from programs import MPIRUN, mpirun

EXAMPLES = ROOT / "python" / "examples"
FASHION_MNIST = pathlib.Path("/usr/share/datasets/fashion-mnist")


class Examples(ProgramTest):
    def search(self, example: str, *arguments: object) -> hierevo.Run:
        """The run of a search with the example, in a small space, under mpirun where there is one."""
        command = " ".join([sys.executable, str(EXAMPLES / example), *map(str, arguments)])
        launcher = mpirun(3) if MPIRUN else ()
        self.hierevo(
            *("search", "--run", self.run_dir, "--evaluator", "server", "--command", command),
            *("--space", "3x3,1x3", "--population", 4, "--evaluations", 8, "--tournament", 0.5),
            launcher=launcher,
        )
        self.hierevo("verify", "--run", self.run_dir)
        run = hierevo.open_run(self.run_dir)
        self.assertEqual([one.reason for one in run.history if one.failed], [])
        self.assertGreaterEqual(sum(one.status == "evaluated" for one in run.history), 4)
        return run

    @unittest.skipUnless(FASHION_MNIST.exists(), "Fashion-MNIST is not installed")
    def test_classification(self) -> None:
        run = self.search("classification.py", "--images", 500, "--steps", 20, "--channels", 4)
        self.assertGreater(run.best.fitness, 0.15)  # 0.1 is chance

    def test_segmentation(self) -> None:
        run = self.search("segmentation.py", "--steps", 30)
        self.assertGreater(run.best.fitness, 0.4)  # 0.3 is that of the background everywhere
        latencies = run.columns["metrics.latency"]
        evaluated = run.columns["status"] == "evaluated"
        self.assertTrue((latencies[evaluated] > 0).all())

    @unittest.skipUnless(importlib.util.find_spec("sklearn"), "scikit-learn is not installed")
    def test_digits(self) -> None:
        run = self.search("digits.py")
        self.assertGreater(run.best.fitness, 0.8)


if __name__ == "__main__":
    unittest.main()
