"""The C++ networks against independent ones in PyTorch (network.py): the same initial weights and
batches must give the same losses, gradients, running statistics and logits.

Skipped (exit code 77) where this Python has no torch. Needs HIEREVO_BIN, the programs' folder,
HIEREVO_TRAIN_CASE, the program that trains a case in C++, and HIEREVO_TEST_GENOTYPES, how many of each space.

In float64 everything is compared number by number, also after 20 steps. In float32 the first step
of the small network is: its loss, logits in evaluation mode, the statistics of every normalisation
in training mode, gradients. Then rounding decides on which side of 0 some ReLU's input falls, and
two right programs drift apart. How far they may is measured: how far Python's float32 drifts from
its float64, in either layout of memory.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
except ImportError as problem:
    print(f"skipped: {sys.executable} has no torch (Debian: python3-torch): {problem}")
    sys.exit(77)

from case import Case
from network import Genotype, Network, parameters_of

PUBLISHED = pathlib.Path(__file__).resolve().parents[3] / "genotypes" / "published.json"
HIEREVO = pathlib.Path(os.environ["HIEREVO_BIN"]) / "hierevo"
SMALL = {"model": "cifar-small", "channels": 4, "cells": 1, "input_channels": 3, "classes": 10}
LARGE = {"model": "cifar-large", "channels": 3, "cells": 2, "input_channels": 1, "classes": 7}
IMAGENET = {"model": "imagenet", "channels": 4, "cells": 2, "input_channels": 3, "classes": 5}
# What float32 may be off in a tensor of the small network's first step, relative to its norm.
# Measured were 6e-7, 2e-6 and 1e-4, where no ReLU decides otherwise.
ROUNDING = {"logits/initial": 5e-6, "first/": 2e-5, "gradient/": 1e-3}
GENOTYPES = int(os.environ["HIEREVO_TEST_GENOTYPES"])  # of each space
MOST_MACS = 4_000_000  # an image of 32×32, with 4 channels: what the test has time for


def hierevo(*arguments):
    return subprocess.run([HIEREVO, *map(str, arguments)], check=True, text=True,
                          capture_output=True, timeout=60).stdout


def random_genotypes(space, count, folder):
    """Valid ones that are not too expensive."""
    found = []
    path = folder / "genotype.json"
    for line in hierevo("sample", "--space", space, "--count", 60 * count,
                        "--seed", 5).splitlines():
        path.write_text(line)
        facts = json.loads(hierevo("inspect", "--json", "--genotype", path, "--channels", 4))
        if facts["valid"] and facts["macs"] <= MOST_MACS:
            found.append(json.loads(line))
        if len(found) == count:
            return found
    raise AssertionError(f"too few {space} genotypes are cheap enough")


def size(result, group):
    """Root of the sum of squares of all tensors whose names begin with `group`."""
    return sum(float((tensor ** 2).sum()) for name, tensor in result.items()
               if name.startswith(group)) ** 0.5


def drift(result, exact, group):
    """How far `result` is from `exact`, relative to its size."""
    difference = {name: result[name] - exact[name] for name in exact}
    return size(difference, group) / size(exact, group)


def is_near(result, reference):
    """Whether the first step is the same up to rounding in float32."""
    return all(float((result[name] - expected).norm()) <= tolerance * float(expected.norm())
               for group, tolerance in ROUNDING.items()
               for name, expected in reference.items() if name.startswith(group))


def first_step_is_near_pythons(results, program):
    """In one of Python's types and layouts: each may have another ReLU that decides otherwise."""
    return any(is_near(results[program, "float32"], result)
               for (reference, _), result in results.items() if reference.startswith("Python"))


class Parity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.genotypes = {}  # by space and number
        cls.results = {}    # of the small network around each
        cls.others = {}     # of the other networks, one step
        with tempfile.TemporaryDirectory(prefix="hierevo-test-") as name:
            folder = pathlib.Path(name)
            for space in ("hierarchical", "flat"):
                genotypes = random_genotypes(space, GENOTYPES, folder)
                for number, genotype in enumerate(genotypes):
                    cls.genotypes[space, number] = genotype
                    cls.results[space, number] = Case(genotype, SMALL, number, steps=20) \
                        .train_everywhere(folder, ("float64", "float32"))
                for spec in (LARGE, IMAGENET):
                    cls.others[space, spec["model"]] = Case(genotypes[0], spec, 99, steps=1) \
                        .train_everywhere(folder, ("float64",))

    def assert_same(self, results, group, tolerance):
        """C++ and Python agree in float64: every number to `tolerance`, relative to the largest of
        its tensor."""
        python, cpp = results["Python", "float64"], results["C++", "float64"]
        self.assertEqual(python.keys(), cpp.keys())
        for name, expected in python.items():
            if name.startswith(group):
                self.assertEqual(cpp[name].shape, expected.shape, name)
                scale = max(float(expected.abs().max()), 1e-3)
                difference = float((cpp[name] - expected).abs().max())
                self.assertLessEqual(difference, tolerance * scale, name)

    def test_the_first_step_is_the_same_in_float64(self):
        for key, results in (self.results | self.others).items():
            with self.subTest(key=key):
                loss, expected = (float(results[program, "float64"]["losses"][0])
                                  for program in ("C++", "Python"))
                self.assertLessEqual(abs(loss - expected), 1e-10)
                for group in ("logits/initial", "gradient/", "first/", "logits/first"):
                    self.assert_same(results, group, 1e-10)

    def test_twenty_steps_are_the_same_in_float64(self):
        # Every step enlarges what rounding left of the one before, from about 1e-14 up to 1e-9.
        for key, results in self.results.items():
            with self.subTest(key=key):
                for group in ("losses", "trained/", "logits/trained"):
                    self.assert_same(results, group, 1e-7)

    def test_training_changes_what_is_compared(self):
        for key, results in self.results.items():
            with self.subTest(key=key):
                trained = results["Python", "float64"]
                self.assertEqual(len(trained["losses"]), 20)
                self.assertGreater(float((trained["logits/initial"] - trained["logits/trained"])
                                         .abs().max()), 0.1)

    def test_the_first_loss_is_the_same_in_float32(self):
        for key, results in self.results.items():
            exact = float(results["Python", "float64"]["losses"][0])
            for (program, name), result in results.items():
                with self.subTest(key=key, program=program, type=name):
                    self.assertLessEqual(abs(float(result["losses"][0]) - exact), 1e-5)

    def first_steps(self, key):
        """Of the small network, then of the same with other weights and images."""
        yield self.results[key]
        for seed in (101, 102, 103):
            with tempfile.TemporaryDirectory(prefix="hierevo-test-") as name:
                yield Case(self.genotypes[key], SMALL, seed, steps=1) \
                    .train_everywhere(pathlib.Path(name), ("float64", "float32"))

    def test_the_first_step_is_the_same_in_float32_up_to_rounding(self):
        # A ReLU on whose side none of Python's falls is there by chance, a mistake is not.
        for key in self.genotypes:
            for program in ("C++", "C++ native"):
                with self.subTest(key=key, program=program):
                    self.assertTrue(any(first_step_is_near_pythons(results, program)
                                        for results in self.first_steps(key)))

    @unittest.skipIf(GENOTYPES < 10, "some by chance drift further")
    def test_twenty_steps_in_float32_drift_no_further_than_pythons(self):
        for space in ("hierarchical", "flat"):
            for group in ("losses", "trained/"):
                drifts = [{program: drift(result, results["Python", "float64"], group)
                           for (program, name), result in results.items() if name == "float32"}
                          for (of, _), results in self.results.items() if of == space]
                bounds = [4 * max(by["Python"], by["Python channels last"]) for by in drifts]
                for program in ("C++", "C++ native"):
                    ours = [by[program] for by in drifts]
                    with self.subTest(space=space, group=group, program=program, drifts=drifts):
                        self.assertLessEqual(max(ours), max(bounds))
                        # Where one ReLU decides, it may by chance be C++ alone that has the other
                        # side.
                        self.assertGreaterEqual(sum(map(float.__le__, ours, bounds)), 8)

    def test_parameters_of_the_published_cell(self):
        genotype = Genotype(json.loads(PUBLISHED.read_text()))
        small, large, imagenet = (
            parameters_of(Network(genotype, model, channels, cells, 3, classes))
            for model, channels, cells, classes in (("cifar-small", 16, 1, 10),
                                                    ("cifar-large", 64, 2, 10),
                                                    ("imagenet", 64, 2, 1000)))
        self.assertEqual(small, 542_138)
        self.assertEqual(large, 15_727_306)
        self.assertAlmostEqual(imagenet / 1e6, 62.8, delta=0.05)


if __name__ == "__main__":
    unittest.main(verbosity=2)
