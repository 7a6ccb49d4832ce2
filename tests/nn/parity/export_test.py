"""`hierevo export` of networks: the PyTorch module and the ONNX model compute what the C++ network does.

Skipped (exit code 77) where this Python has no torch; the part of ONNX where HIEREVO_ONNX_PYTHON, a Python with
onnx and onnxruntime, is not there. Needs HIEREVO_BIN and HIEREVO_TRAIN_CASE, as parity_test.py does.
"""
import ast
import importlib.util
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

import tensor_file
from case import TRAIN_CASE, Case

HIEREVO = str(pathlib.Path(os.environ["HIEREVO_BIN"]) / "hierevo")
ONNX_PYTHON = os.environ.get("HIEREVO_ONNX_PYTHON", "")
if not os.path.exists(ONNX_PYTHON):
    ONNX_PYTHON = ""
SPECS = [
    {"model": "cifar-small", "channels": 6, "cells": 1, "input_channels": 3, "classes": 5},
    {"model": "cifar-large", "channels": 5, "cells": 2, "input_channels": 1, "classes": 4},
    {"model": "imagenet", "channels": 4, "cells": 2, "input_channels": 3, "classes": 7}]
GENOTYPES = int(os.environ["HIEREVO_TEST_GENOTYPES"])
SPACES = {"hierarchical": GENOTYPES, "flat": GENOTYPES, "3x3,2x3,1x4": 3}
# What train_case.cpp saves.
PIXEL_MEAN, PIXEL_SCALE = 120.0, 0.0625


def hierevo(*arguments, code=0):
    result = subprocess.run([HIEREVO, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if result.returncode != code:
        raise AssertionError(f"{arguments}: {result.returncode}\n{result.stderr}")
    return result


def random_genotypes(space, count):
    lines = hierevo("sample", "--space", space, "--count", count, "--seed", 7).stdout.splitlines()
    return [json.loads(line) for line in lines]


def module_in(path):
    found = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Trained:
    """A network with random weights: what the C++ one computes, and the file of its training."""

    def __init__(self, genotype, spec, seed, folder):
        self.case = Case(genotype, spec, seed, steps=1)
        self.images = self.case.tensors["images"][0]
        (folder / "case.json").write_text(json.dumps(self.case.given))
        tensor_file.write(folder / "tensors", self.case.tensors)
        self.file = folder / "repeat-1" / "best.h5"
        self.file.parent.mkdir(exist_ok=True)
        subprocess.run([TRAIN_CASE, folder / "case.json", folder / "tensors", folder / "result", "float32",
                        self.file], check=True, timeout=120)
        self.logits = tensor_file.read(folder / "result")["logits/initial"].float()


class Export(unittest.TestCase):
    def setUp(self):
        torch.set_num_threads(1)
        scratch = tempfile.TemporaryDirectory(prefix="hierevo-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def cases(self):
        """A network around each genotype, the models by turns; invalid cells are refused."""
        for space, wanted in SPACES.items():
            number = 0
            for genotype in random_genotypes(space, 2 * wanted):
                cell = self.folder / "cell.json"
                cell.write_text(json.dumps(genotype))
                if not json.loads(hierevo("inspect", "--genotype", cell, "--json").stdout)["valid"]:
                    told = hierevo("export", "--format", "pytorch", "--genotype", cell, code=2).stderr
                    self.assertIn("The cell is invalid", told)
                    continue
                number += 1
                if number > wanted:
                    break
                spec = SPECS[number % len(SPECS)]
                yield (space, number), Trained(genotype, spec, number, self.folder)

    def assert_near(self, logits, expected, tolerance):
        scale = max(1.0, float(expected.abs().max()))
        self.assertLessEqual(float((logits - expected).abs().max()), tolerance * scale)

    def test_modules_and_models_compute_the_same(self):
        seen = 0
        models = self.folder / "onnx"
        models.mkdir()
        for key, trained in self.cases():
            with self.subTest(key=key):
                out = self.folder / f"net_{seen}.py"
                hierevo("export", "--format", "pytorch", "--weights", trained.file, "--out", out)
                module = module_in(out)
                network = module.load()
                with torch.no_grad():
                    logits = network(trained.images)
                self.assert_near(logits, trained.logits, 1e-5)
                pixels = torch.randint(256, trained.images.shape, dtype=torch.uint8)
                expected = (pixels.float() - PIXEL_MEAN) * PIXEL_SCALE
                self.assertTrue(torch.allclose(module.preprocess(pixels), expected))
                self.assertEqual(json.loads(module.GENOTYPE), trained.case.given["genotype"])
                self.assert_is_readable(out.read_text())
                if ONNX_PYTHON:
                    self.write_model(trained, models / str(seen))
                seen += 1
        self.assertEqual(seen, sum(SPACES.values()))
        if not ONNX_PYTHON:
            self.skipTest("there is no onnxruntime for the ONNX models")
        result = subprocess.run([ONNX_PYTHON, pathlib.Path(__file__).with_name("onnx_check.py"), models],
                                capture_output=True, text=True, timeout=300)
        self.assertEqual(result.stdout, f"{seen} models agree\n", result.stderr)

    def write_model(self, trained, path):
        """For onnx_check.py."""
        hierevo("export", "--format", "onnx", "--weights", trained.file, "--out", path.with_suffix(".onnx"))
        pixels = trained.images / PIXEL_SCALE + PIXEL_MEAN
        for suffix, tensor in ((".pixels", pixels), (".logits", trained.logits)):
            path.with_suffix(suffix).write_bytes(tensor.contiguous().numpy().tobytes())
        path.with_suffix(".shape").write_text(json.dumps(list(pixels.shape)))

    def assert_is_readable(self, text):
        """It is plain Python that imports torch alone, with lines of a usual length and a class a motif."""
        tree = ast.parse(text)
        imports = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import)
                   for alias in node.names}
        imports |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        self.assertLessEqual(imports, {"torch", "json", "os"})
        classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        self.assertLessEqual({"Cell", "Network"}, classes)
        long = [line for line in text.splitlines() if len(line) > 120 and not line.startswith("GENOTYPE")
                and "torch.cat(" not in line and not line.strip().startswith("w")]
        self.assertEqual(long, [])

    def test_an_untrained_module_has_the_right_parameters(self):
        for spec in SPECS[:1]:
            genotype = random_genotypes("hierarchical", 1)[0]
            cell = self.folder / "cell.json"
            cell.write_text(json.dumps(genotype))
            options = ["--genotype", cell, "--model", spec["model"], "--channels", spec["channels"], "--cells",
                       spec["cells"]]
            out = self.folder / "untrained.py"
            out.write_text(hierevo("export", "--format", "pytorch", *options).stdout)
            network = module_in(out).Network()
            count = sum(parameter.numel() for parameter in network.parameters())
            facts = json.loads(hierevo("inspect", *options, "--json").stdout)
            self.assertEqual(count, facts["parameters"])
            hierevo("export", "--format", "onnx", *options, "--out", self.folder / "x.onnx", code=2)

    def test_names_of_classes_and_refusals(self):
        genotype = next(one for one in random_genotypes("hierarchical", 9))
        trained = Trained(genotype, SPECS[0], 1, self.folder)
        names = ['a "quoted" one', "back\\slash", "größer", "\U0001F600", "e"]
        (self.folder / "data.json").write_text(json.dumps({"class_names": names}))
        out = self.folder / "named.py"
        hierevo("export", "--format", "pytorch", "--weights", trained.file, "--out", out)
        self.assertEqual(module_in(out).CLASS_NAMES, names)
        told = hierevo("export", "--format", "pytorch", "--weights", trained.file, "--out", out, code=2).stderr
        self.assertIn("is there already (it would be lost)", told)
        told = hierevo("export", "--format", "pytorch", "--weights", trained.file, "--out", self.folder / "7-net.py",
                       code=2).stderr
        self.assertIn(f"Give --out {self.folder}/_7_net.py.", told)
        told = hierevo("export", "--format", "pytorch", "--weights", trained.file, code=2).stderr
        self.assertIn("No --out is given", told)
        told = hierevo("export", "--format", "json", "--weights", trained.file, "--run", "x", code=2).stderr
        self.assertIn("--weights and another cell are given", told)
        again = self.folder / "again.json"
        hierevo("export", "--format", "json", "--weights", trained.file, "--out", again)
        self.assertEqual(json.loads(again.read_text()), genotype)
        damaged = self.folder / "damaged.h5"
        damaged.write_bytes(trained.file.read_bytes()[:-5])
        self.assertIn("damaged.h5", hierevo("export", "--format", "onnx", "--weights", damaged, "--out",
                                            self.folder / "x.onnx", code=3).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
