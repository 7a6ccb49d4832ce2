#!/usr/bin/env python3
"""Cells and networks in PyTorch against those of the programs: names, outputs, gradients, weights.

Skipped (exit code 77) where this Python has no torch or no h5py.
"""

import copy
import importlib.util
import json
import os
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
    import numpy as np
    import torch
except ImportError as problem:
    print(
        f"skipped: {sys.executable} lacks a package (Debian: python3-h5py python3-torch): {problem}"
    )
    sys.exit(77)

import hierevo
import hierevo.torch
from hierevo.checksums import crc32c

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "nn" / "parity"))
import network as independent
import tensor_file
from case import executor_name, initial

HIEREVO = str(pathlib.Path(os.environ["HIEREVO_BIN"]) / "hierevo")
TRAIN_CASE = os.environ["HIEREVO_TRAIN_CASE"]  # tests/nn/parity/train_case.cpp
SPACES = {"hierarchical": 12, "flat": 8, "3x3,2x4,1x6": 8, "5x3,1x2,3x3,2x2,1x3": 8}
SPECS = [
    {"model": "cifar-small", "channels": 6, "cells": 1, "input_channels": 3, "classes": 5},
    {"model": "cifar-large", "channels": 5, "cells": 2, "input_channels": 1, "classes": 4},
    {"model": "imagenet", "channels": 3, "cells": 1, "input_channels": 2, "classes": 7},
]
# What train_case.cpp saves.
PIXEL_MEAN, PIXEL_SCALE = 120.0, 0.0625
CLASSES = 3


def setUpModule() -> None:
    torch.set_num_threads(1)


def genotypes() -> list[hierevo.Genotype]:
    """Of valid cells, of all spaces."""
    found = []
    for space, count in SPACES.items():
        some = (hierevo.Genotype.random(space, 4, n, 1 + 7 * n) for n in range(10 * count))
        found += [genotype for genotype in some if genotype.assemble().valid][:count]
    return found


class Scratch(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="hierevo-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def assert_near(self, values: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
        self.assertEqual(values.shape, expected.shape)
        scale = max(1.0, float(expected.abs().max()))
        difference = float((values.double() - expected.double()).abs().max())
        self.assertLessEqual(difference, tolerance * scale)

    def hierevo(self, *arguments: object) -> str:
        command = [HIEREVO, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class ProgramTest(Scratch):
    """The networks of train_case, which refuses weights of other names and shapes than its own."""

    def run_case(self, network: hierevo.torch.Network, images: torch.Tensor, *arguments: object):
        """Random weights for both; what the programs compute with them."""
        spec = {name: getattr(network.spec, name) for name in SPECS[0]}
        sgd = {"learning_rate": 0.0, "momentum": 0.9, "weight_decay": 0.0}
        case = {"genotype": network.genotype.to_dict(), **spec, **sgd}
        random = torch.Generator().manual_seed(1)
        state = {n: initial(n, tensor, random) for n, tensor in network.state_dict().items()}
        network.load_state_dict(state)
        labels = torch.arange(images.shape[1]).remainder(network.spec.classes)
        (self.folder / "case").write_text(json.dumps(case))
        given = {**state, "images": images, "labels": labels.expand(images.shape[:2])}
        tensor_file.write(self.folder / "tensors", given)
        files = [self.folder / name for name in ("case", "tensors", "result")]
        subprocess.run([TRAIN_CASE, *files, *arguments], check=True)
        return labels, tensor_file.read(self.folder / "result")

    def test_outputs_are_the_same_with_weights_from_a_file(self) -> None:
        for number, genotype in enumerate(genotypes()):
            spec = SPECS[number % len(SPECS)]
            with self.subTest(genotype=genotype, spec=spec):
                network = hierevo.torch.network(genotype, **spec)
                images = torch.randn(1, 4, spec["input_channels"], 17, 22 + number)
                file = self.folder / "last.h5"
                _, told = self.run_case(network, images, "float32", file)
                loaded = hierevo.torch.load_network(file)
                self.assertEqual((loaded.genotype, loaded.spec), (genotype, network.spec))
                with torch.no_grad():
                    self.assert_near(loaded(images[0]), told["logits/initial"], 1e-5)
                with h5py.File(file) as training:
                    self.assertEqual(sorted(training["weights"]), sorted(loaded.state_dict()))
                pixels = torch.randint(256, images[0].shape, dtype=torch.uint8)
                expected = (pixels.float() - PIXEL_MEAN) * PIXEL_SCALE
                torch.testing.assert_close(loaded.preprocess(pixels), expected)

    def test_a_training_step_is_the_same(self) -> None:
        """Loss, gradients and running statistics, in float64, so that mistakes show."""
        for number, genotype in enumerate(genotypes()[::3]):
            spec = SPECS[number % len(SPECS)]
            with self.subTest(genotype=genotype, spec=spec):
                network = hierevo.torch.network(genotype, **spec)
                images = torch.randn(1, 6, spec["input_channels"], 19, 20)
                labels, told = self.run_case(network, images, "float64")
                network.double().train()
                loss = torch.nn.functional.cross_entropy(network(images[0].double()), labels)
                loss.backward()
                self.assert_near(loss.detach(), told["losses"][0], 1e-9)
                for name, parameter in network.named_parameters():
                    self.assert_near(parameter.grad, told[f"gradient/{name}"], 1e-7)
                for name, tensor in network.state_dict().items():
                    if ".running_" in name:
                        self.assert_near(tensor, told[f"first/{name}"], 1e-9)


def write_images(folder: pathlib.Path) -> None:
    """Small grey images in MNIST's files, brighter in one of three places."""
    random = np.random.default_rng(1)
    for name, count in (("train", 120), ("t10k", 60)):
        labels = np.arange(count) % CLASSES
        pixels = random.integers(0, 120, (count, 14, 14))
        for pixel, label in zip(pixels, labels):
            pixel[:, 4 * label : 4 * label + 4] += 60
        head = struct.pack(">4I", 0x803, count, 14, 14)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + pixels.astype("u1").tobytes())
        head = struct.pack(">2I", 0x801, count)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(head + labels.astype("u1").tobytes())


def test_images(folder: pathlib.Path) -> torch.Tensor:
    content = (folder / "t10k-images-idx3-ubyte").read_bytes()[16:]
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(-1, 1, 14, 14)


class TrainingTest(Scratch):
    def setUp(self) -> None:
        super().setUp()
        write_images(self.folder)
        self.cell = self.folder / "cell.json"
        genotype = hierevo.Genotype.from_file(ROOT / "genotypes" / "published.json")
        self.cell.write_text(genotype.to_json())

    def train(self, *options: object) -> pathlib.Path:
        """The folder of a training's first repeat."""
        out = self.folder / "out"
        self.hierevo(
            *("train", "--genotype", self.cell, "--dataset", "idx", "--data-dir", self.folder),
            *("--out", out, "--batch", 20, "--crop", 0, "--channels", 4, "--progress", "off"),
            *options,
        )
        return out / "repeat-1"

    def check_files(self, *options: object) -> None:
        repeat = self.train("--steps", 12, *options)
        pixels = test_images(self.folder)
        labels = torch.arange(len(pixels)) % CLASSES
        for name in ("best", "last"):
            file = repeat / f"{name}.h5"
            network = hierevo.torch.load_network(file)
            with torch.no_grad():
                logits = network(network.preprocess(pixels))
            module = self.exported(file, f"net_{name}")
            with torch.no_grad():
                self.assert_near(logits, module.load()(module.preprocess(pixels)), 1e-5)
            with h5py.File(file) as training:
                top1, best = training.attrs["top1"], training.attrs["best_step"]
                if best == len(training["losses"]):
                    right = (logits.argmax(1) == labels).float().mean()
                    self.assertAlmostEqual(float(right), top1, delta=1.5 / len(pixels))

    def exported(self, file: pathlib.Path, name: str):
        out = self.folder / f"{name}.py"
        self.hierevo("export", "--format", "pytorch", "--weights", file, "--out", out)
        found = importlib.util.spec_from_file_location(name, out)
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        return module

    def test_trained_networks_are_those_that_the_programs_export(self) -> None:
        self.check_files()

    def test_averages_are_taken_where_there_are_any(self) -> None:
        self.check_files("--ema-decay", 0.9)

    def test_weights_start_as_in_the_programs(self) -> None:
        """In distribution: a training with no learning rate to speak of shows how it began."""
        file = self.train("--steps", 1, "--lr", 1e-30, "--channels", 32) / "last.h5"
        torch.manual_seed(1)
        network = hierevo.torch.network(
            hierevo.Genotype.from_file(self.cell), channels=32, input_channels=1, classes=CLASSES
        )
        with h5py.File(file) as training:
            for name, parameter in network.named_parameters():
                theirs = torch.from_numpy(training["weights"][name][...])
                if parameter.dim() == 1:
                    torch.testing.assert_close(parameter.detach(), theirs)
                    continue
                count = theirs.numel()
                ratio = float(parameter.detach().std() / theirs.std())
                self.assertLess(abs(ratio - 1), 6 / count**0.5, name)
                for weights in (parameter.detach(), theirs):
                    self.assertLess(float(weights.mean() / theirs.std()), 6 / count**0.5, name)
                    # A normal distribution has some values beyond two deviations, a uniform none.
                    beyond = float((weights.abs() > 2 * theirs.std()).float().mean())
                    if count > 500:
                        self.assertTrue(0.02 < beyond < 0.08, (name, beyond))


class CellTest(unittest.TestCase):
    def test_cells_compute_what_the_paper_says_for_inputs_of_any_size(self) -> None:
        """Against tests/nn/parity/network.py, which was written from the paper."""
        for number, genotype in enumerate(genotypes()):
            with self.subTest(genotype=genotype):
                width = 1 + number % 5
                cell = hierevo.torch.cell(genotype, 4, input_channels=width).eval()
                document = independent.Genotype(genotype.to_dict())
                other = independent.Motif(document, document.top, 1, width, 4).eval()
                random = torch.Generator().manual_seed(number)
                state = cell.state_dict()
                for name, tensor in other.state_dict().items():
                    if not name.endswith("num_batches_tracked"):
                        tensor.copy_(initial(executor_name(name), tensor, random))
                        state.pop(executor_name(name)).copy_(tensor)
                self.assertEqual(state, {})
                x = torch.randn(2, width, 1 + number, 9)
                with torch.no_grad():
                    torch.testing.assert_close(cell(x), other(x), rtol=1e-4, atol=1e-4)
                self.assertEqual(cell(x).shape, (2, cell.out_channels, 1 + number, 9))
                self.assertEqual(cell.in_channels, width)

    def test_a_cell_learns_within_another_network(self) -> None:
        torch.manual_seed(1)
        cell = hierevo.torch.cell(genotypes()[0], 8)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1), cell, torch.nn.Conv2d(cell.out_channels, 2, 1)
        )
        x = torch.randn(4, 3, 11, 13)
        target = (x[:, 0] > 0).long()  # a class for each pixel
        adam = torch.optim.Adam(model.parameters(), 0.01)
        losses = []
        for _ in range(40):
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), target)
            loss.backward()
            adam.step()
            losses.append(float(loss.detach()))
        self.assertLess(losses[-1], 0.5 * losses[0])

    def test_modules_are_copied_pickled_traced_and_loaded_from_plain_dictionaries(self) -> None:
        genotype = genotypes()[0]
        network = hierevo.torch.network(genotype, channels=4).eval()
        x = torch.randn(2, 3, 16, 16)
        plain = dict(network.state_dict())  # as from a file of safetensors
        fresh = hierevo.torch.network(genotype, channels=4).eval()
        fresh.load_state_dict(plain)
        copies = [copy.deepcopy(network), pickle.loads(pickle.dumps(network)), fresh]
        copies.append(torch.jit.trace(network, x))
        with torch.no_grad():
            for same in copies:
                torch.testing.assert_close(same(x), network(x))

    def test_convolutions_that_are_replaced_are_used(self) -> None:
        cell = hierevo.torch.cell(hierevo.Genotype("1x2", b"\1"), 4)
        cell.add_module("1-2", torch.nn.Identity())
        x = torch.randn(1, 4, 5, 5)
        torch.testing.assert_close(cell(x), x)

    def test_impossible_ones_are_refused(self) -> None:
        invalid = hierevo.Genotype("flat", b"\0" * 55)
        for make, complaint in (
            (lambda: hierevo.torch.cell(invalid, 4), "The cell is invalid"),
            (lambda: hierevo.torch.network(invalid), "The cell is invalid"),
            (lambda: hierevo.torch.cell(genotypes()[0], 0), "channels is 0"),
            (lambda: hierevo.torch.cell(genotypes()[0], 4, 0), "input_channels is 0"),
            (lambda: hierevo.torch.network(genotypes()[0], "cifar"), "no model 'cifar'"),
        ):
            with self.assertRaisesRegex(hierevo.UsageError, complaint):
                make()


def with_header(content: bytes) -> bytes:
    """A training's file with this content, which may be anything."""
    header = b"hierevo training 1\nbytes %d\ncrc32c %08x\n" % (len(content), crc32c(content))
    return header.ljust(512, b"\0") + content


class RefusalTest(Scratch):
    """Files that are not what they should be, and leave the network as it is."""

    def setUp(self) -> None:
        super().setUp()
        write_images(self.folder)
        cell = self.folder / "cell.json"
        self.genotype = hierevo.Genotype.trivial("2x2,1x3")
        cell.write_text(self.genotype.to_json())
        self.hierevo(
            *("train", "--genotype", cell, "--dataset", "idx", "--data-dir", self.folder),
            *("--out", self.folder / "out", "--steps", 1, "--batch", 9, "--crop", 0),
            *("--channels", 3, "--progress", "off"),
        )
        self.good = self.folder / "out" / "repeat-1" / "last.h5"
        self.file = self.folder / "changed.h5"

    def network(self, **other: int) -> hierevo.torch.Network:
        numbers = {"channels": 3, "input_channels": 1, "classes": CLASSES, **other}
        return hierevo.torch.network(self.genotype, **numbers)

    def changed(self, change: object, error: type[hierevo.HierevoError]) -> str:
        """What is said of the file after a change in HDF5."""
        self.changed_file(change)
        return self.loading(self.network(), error)

    def changed_file(self, change: object) -> None:
        shutil.copy(self.good, self.file)
        with h5py.File(self.file, "r+") as file:
            change(file)
        self.file.write_bytes(with_header(self.file.read_bytes()[512:]))

    def loading(
        self, network: hierevo.torch.Network, error: type[Exception] = hierevo.UsageError
    ) -> str:
        before = copy.deepcopy(network.state_dict())
        with self.assertRaises(error) as caught:
            hierevo.torch.load_weights(network, self.file)
        torch.testing.assert_close(dict(network.state_dict()), dict(before))
        self.assertTrue((network.pixel_scale == 1).all())
        return str(caught.exception)

    def test_another_network(self) -> None:
        self.file = self.good
        hierevo.torch.load_weights(self.network(), self.good)
        told = self.loading(self.network(channels=4))
        self.assertIn(
            "has the weights of another network (the shape of 'stem.0.weight' is (3, 1,", told
        )
        self.assertIn("(it has no 'cells.3.1-2.out.weight')", self.loading(self.network(cells=2)))
        other = hierevo.torch.network(
            hierevo.Genotype.trivial("flat"), channels=3, input_channels=1, classes=CLASSES
        )
        self.assertIn("too many", self.loading(other))

    def test_damage(self) -> None:
        def put(name: str, value: object) -> object:
            def change(file: h5py.File) -> None:
                del file[name]
                file[name] = value

            return change

        weight, link = "weights/classifier.bias", h5py.ExternalLink("x.h5", "/x")
        other, broken = hierevo.UsageError, hierevo.FileError
        for change, error, complaint in (
            (lambda file: file.__delitem__(weight), broken, "classifier.bias is missing"),
            (put(weight, np.zeros(4, "f4")), other, "shape of 'classifier.bias' is (4,), not (3,)"),
            (put(weight, np.zeros(3, "f8")), broken, "classifier.bias has a wrong type"),
            (put(weight, link), broken, "a link to somewhere else"),
            (lambda file: file.attrs.modify("version", 2), hierevo.NewerVersionError, "version 2"),
            (lambda file: file.attrs.modify("format", "x"), broken, "its format is 'x'"),
        ):
            told = self.changed(change, error)
            self.assertIn(complaint, told)

    def test_a_file_that_contradicts_itself(self) -> None:
        for change, complaint in (
            (lambda file: file.attrs.modify("channels", 4), "contradicts itself ("),
            (lambda file: file.attrs.modify("genotype", "{}"), "is not a genotype"),
        ):
            self.changed_file(change)
            with self.assertRaises(hierevo.FileError) as caught:
                hierevo.torch.load_network(self.file)
            self.assertIn(complaint, str(caught.exception))

    def test_other_files(self) -> None:
        content = self.good.read_bytes()
        for damaged, complaint in (
            (b"", "it is not a hierevo training"),
            (content.replace(b"training", b"snapshot", 1), "it is not a hierevo training"),
            (content[:-1], "it is torn"),
            (content[:-1] + bytes([content[-1] ^ 1]), "it is damaged"),
            (with_header(b"\0" * 5000), "it"),
        ):
            self.file.write_bytes(damaged)
            self.assertIn(complaint, self.loading(self.network(), hierevo.FileError))
            with self.assertRaisesRegex(hierevo.FileError, complaint):
                hierevo.torch.load_network(self.file)
        with self.assertRaises(hierevo.MissingFileError):
            hierevo.torch.load_network(self.folder / "none.h5")
        os.mkfifo(self.folder / "pipe")
        with self.assertRaisesRegex(hierevo.FileError, "not a regular file"):
            hierevo.torch.load_network(self.folder / "pipe")


class ImportTest(unittest.TestCase):
    def test_hierevo_alone_does_not_import_torch(self) -> None:
        check = "import sys, hierevo; print('torch' in sys.modules)"
        told = subprocess.run(
            [sys.executable, "-c", check], capture_output=True, text=True, check=True
        )
        self.assertEqual(told.stdout.strip(), "False")


if __name__ == "__main__":
    sys.exit(unittest.main())
