#!/usr/bin/env python3
"""Genotypes in Python against those of the programs: random streams, JSON, assembly, plan, cost.

Skipped (exit code 77) where this Python has no h5py.
"""

import copy
import json
import os
import pathlib
import pickle
import random
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
except ImportError as problem:
    print(f"skipped: {sys.executable} has no h5py (Debian: python3-h5py): {problem}")
    sys.exit(77)

import hierevo
from hierevo.mutation import draw_mutation
from hierevo.plan import make_plan, model_spec

HIEREVO = str(pathlib.Path(os.environ["HIEREVO_BIN"]) / "hierevo")
FACTS = os.environ["HIEREVO_GENOME_FACTS"]  # genome_facts.cpp
# Of each space, how many genotypes, of how many mutations.
SPACES = {
    "hierarchical": (2000, 1000),
    "flat": (1000, 300),
    "3x3,2x4,1x6": (1000, 300),
    "5x3,1x2,3x3,2x2,1x3": (1000, 60),
    "1x2": (50, 1),
}
# Model, channels, cells, input channels, classes, image size.
NETWORKS = [
    ("cifar-small", 16, 1, 3, 10, 32),
    ("cifar-large", 7, 3, 1, 100, 33),
    ("imagenet", 65, 2, 3, 1000, 299),
    ("imagenet", 1 << 16, 3, 1, 1 << 16, 1 << 20),
]


def hierevo_lines(*arguments: object) -> list[str]:
    done = subprocess.run(
        [HIEREVO, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def facts(questions: list[object]) -> list[object]:
    """What the programs say to each question; genome_facts.cpp has the forms."""
    given = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([FACTS], input=given, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions)
    return answers


def refusal(function: object, *arguments: object) -> str:
    """The message of the error; "accepted" where there is none."""
    try:
        function(*arguments)
    except hierevo.UsageError as error:
        return str(error)
    return "accepted"


def few(space: str, mutations: int) -> list[hierevo.Genotype]:
    """Genotypes of all sizes, some of them of invalid cells."""
    return [hierevo.Genotype.random(space, 5, n, n % (mutations + 1)) for n in range(1, 101)]


class RandomStreamTest(unittest.TestCase):
    def test_draws_are_those_of_the_programs(self) -> None:
        shuffle = random.Random(1)
        questions = [
            {
                "seed": shuffle.getrandbits(64),
                "bounds": [shuffle.randint(1, 2 ** shuffle.randint(1, 63)) for _ in range(20)],
            }
            for _ in range(500)
        ]
        for question, drawn in zip(questions, facts(questions)):
            stream = hierevo.RandomStream(question["seed"])
            self.assertEqual([stream.below(bound) for bound in question["bounds"]], drawn)

    def test_numbers_of_the_incomplete_multiple_are_drawn_again(self) -> None:
        """Which happens to one draw of 2^60: the seeds are made so that the first draw is tiny."""
        questions = [{"seed": seed_of_draw(n), "bounds": [7] * 3} for n in range(8)]
        for number, (question, drawn) in enumerate(zip(questions, facts(questions))):
            stream = hierevo.RandomStream(question["seed"])
            self.assertEqual(hierevo.RandomStream(question["seed"]).draw(), number)
            self.assertEqual([stream.below(7) for _ in range(3)], drawn)
            draws = hierevo.RandomStream(question["seed"])
            used = [draws.draw() for _ in range(4 if number < 2**64 % 7 else 3)]
            self.assertEqual(drawn, [draw % 7 for draw in used[-3:]])

    def test_seeds_are_checked(self) -> None:
        for wrong in (-1, 2**64):
            self.assertIn("from 0 up to 2^64 - 1", refusal(hierevo.RandomStream, wrong))
            self.assertIn("is no seed", refusal(hierevo.derive_seed, wrong, 1, "x"))


def seed_of_draw(number: int) -> int:
    """The seed of the stream whose first draw is this number."""

    def unshifted(value: int, shift: int) -> int:
        result = value
        for _ in range(64 // shift):
            result = value ^ (result >> shift)
        return result

    state = unshifted(number, 31)
    for factor, shift in ((0x94D049BB133111EB, 27), (0xBF58476D1CE4E5B9, 30)):
        state = unshifted(state * pow(factor, -1, 2**64) % 2**64, shift)
    return (state - 0x9E3779B97F4A7C15) % 2**64


class SpaceTest(unittest.TestCase):
    def test_the_same_spaces_are_accepted_and_refused(self) -> None:
        shuffle = random.Random(2)
        texts = ["", "x", "hierarchical ", "6x4", "6x4,1x5", "1x11", "1x2,", "6 x4,1x5", "1x-2"]
        texts += ["0x4,1x5", "64x32,1x2", "64x32,64x32,1x2", "1x33", "65x2,1x2", "2x3,2x3", "1x32"]
        texts += ["1x2," * 7 + "1x2", "1x2," * 8 + "1x2", "6x4,1x5\n", "+1x2", "01x02", "1x2x3"]
        for _ in range(500):
            levels = shuffle.randint(1, 6)
            shapes = [(shuffle.randint(1, 9), shuffle.randint(1, 8)) for _ in range(levels)]
            shapes[-1] = (1, shuffle.randint(2, 12))
            texts.append(",".join(f"{motifs}x{nodes}" for motifs, nodes in shapes))
        accepted = 0
        for text, told in zip(texts, facts([{"space": text} for text in texts])):
            with self.subTest(space=text):
                if isinstance(told, dict):
                    self.assertEqual(refusal(hierevo.SearchSpace.parse, text), told["refused"])
                    continue
                accepted += 1
                space = hierevo.SearchSpace.parse(text)
                self.assertEqual([space.name, space.genes], told)
                self.assertEqual(hierevo.SearchSpace.parse(space.name), space)
        self.assertTrue(100 < accepted < 500, accepted)


class RandomGenotypesTest(unittest.TestCase):
    def test_they_are_those_of_hierevo_sample(self) -> None:
        for space, (count, mutations) in SPACES.items():
            seed = 2**64 - count
            lines = hierevo_lines(
                *("sample", "--space", space, "--seed", seed),
                *("--count", count, "--mutations", mutations),
            )
            self.assertEqual(len(lines), count)
            for number, line in enumerate(lines, 1):
                genotype = hierevo.Genotype.random(space, seed, number, mutations)
                self.assertEqual(genotype.to_json(), line)
                self.assertEqual(hierevo.Genotype.from_json(line), genotype)

    def test_offspring_are_those_of_a_search(self) -> None:
        for space, mutations, seed in (
            ("hierarchical", 1000, 2**64 - 1),
            ("3x3,2x4,1x6", 7, 0),
            ("flat", 0, 12),
        ):
            with tempfile.TemporaryDirectory() as folder:
                hierevo_lines(
                    *("search", "--run", folder, "--evaluator", "synthetic", "--space", space),
                    *("--start-mutations", mutations, "--seed", seed, "--population", 20),
                    *("--evaluations", 400, "--progress", "off"),
                )
                with h5py.File(f"{folder}/search.h5") as run:
                    table = {name: run["individuals"][name][:] for name in run["individuals"]}
            genotypes = {
                number: hierevo.Genotype(space, genes)
                for number, genes in zip(table["id"], table["genotype"])
            }
            mutated = 0
            for number, parent, own_seed in zip(table["id"], table["parent"], table["seed"]):
                mutated += parent != 0
                made = hierevo.offspring(space, seed, number, genotypes.get(parent), mutations)
                self.assertEqual(made, genotypes[number])
                self.assertEqual(hierevo.derive_seed(seed, number, "evaluation"), own_seed)
            self.assertEqual((len(genotypes), mutated), (400, 380))

    def test_a_mutation_changes_the_edge_that_was_drawn(self) -> None:
        genotype = hierevo.Genotype.trivial("3x3,2x4,1x6")
        for number in range(300):
            drawn = draw_mutation(genotype.space, hierevo.RandomStream(number))
            child = genotype.mutate(hierevo.RandomStream(number))
            edge = drawn.successor * (drawn.successor - 1) // 2 + drawn.predecessor
            position = genotype.space.first_gene(drawn.level, drawn.motif) + edge
            expected = bytearray(genotype.genes)
            expected[position] = drawn.operation
            self.assertEqual(child.genes, bytes(expected))
            genotype = child

    def test_fewer_than_no_mutations_are_refused(self) -> None:
        told = refusal(hierevo.Genotype.random, "flat", 1, 1, -1)
        self.assertEqual(told, "-1 mutations (there can be none or more).")

    def test_a_parent_of_another_space_is_refused(self) -> None:
        parent = hierevo.Genotype.trivial("flat")
        told = refusal(hierevo.offspring, "hierarchical", 1, 2, parent)
        self.assertIn("The parent is of the space flat", told)


class ValueTest(unittest.TestCase):
    def test_genotypes_are_values(self) -> None:
        genotype = hierevo.Genotype.random("3x3,2x4,1x6", 1)
        same = hierevo.Genotype("3x3,2x4,1x6", list(genotype.genes))
        self.assertEqual(len({genotype, same, genotype.mutate(hierevo.RandomStream(2))}), 2)
        self.assertNotEqual(genotype, genotype.genes)
        self.assertNotEqual(
            hierevo.Genotype("2x2,1x2", b"\0\0\0"), hierevo.Genotype("1x3", b"\0\0\0")
        )
        for copied in (copy.deepcopy(genotype), pickle.loads(pickle.dumps(genotype))):
            self.assertEqual(copied, genotype)
        self.assertEqual(eval(repr(genotype), {"Genotype": hierevo.Genotype}), genotype)
        with self.assertRaises(AttributeError):
            genotype.genes = b""

    def test_genes_are_checked(self) -> None:
        for genes, complaint in (
            (b"\0" * 45, "A genotype of 45 genes does not fit the space hierarchical"),
            (b"\0" * 46 + b"\0", "it has 46 edges"),
            (b"\0" * 35 + b"\7" + b"\0" * 10, "Gene 36 of the genotype is 7 (an edge of level 2"),
            (b"\0" * 45 + b"\7", "carries 0 to 6 in the space hierarchical"),
            ([0] * 45 + [-1], "whole numbers from 0 to 255"),
            ([0] * 45 + [300], "whole numbers from 0 to 255"),
            ([0] * 45 + [1.0], "whole numbers from 0 to 255"),
            ("x" * 46, "whole numbers from 0 to 255"),
        ):
            self.assertIn(complaint, refusal(hierevo.Genotype, "hierarchical", genes))


class JsonTest(unittest.TestCase):
    def test_the_same_texts_are_accepted_and_refused(self) -> None:
        """Random damage to good documents, and the message for each."""
        shuffle = random.Random(3)
        texts = ["{", "[]", "{}", "null", "7", '"x"', "", "[" * 100_000, '{"format": NaN}']
        for space in SPACES:
            for genotype in few(space, 20)[:40]:
                for _ in range(10):
                    texts.append(damaged(genotype.to_dict(), shuffle))
                text = genotype.to_json()
                texts.append(text[: shuffle.randrange(len(text))])
        questions = [{"genotype": text, "networks": []} for text in texts]
        outcomes = {"accepted": 0, "refused": 0}
        for text, told in zip(texts, facts(questions)):
            with self.subTest(text=text[:300]):
                message = refusal(hierevo.Genotype.from_json, text)
                self.assertEqual(message == "accepted", "nodes" in told, (message, told))
                outcomes["accepted" if "nodes" in told else "refused"] += 1
                if "nodes" not in told and "is not a primitive" not in message:
                    self.assertEqual(message, told["refused"])
        self.assertGreater(min(outcomes.values()), 200, outcomes)

    def test_messages_say_what_is_wrong_and_where(self) -> None:
        document = hierevo.Genotype.trivial("hierarchical").to_dict()
        document["levels"][0]["motifs"][1][2] = "conv1x2"
        self.assertEqual(
            refusal(hierevo.Genotype.from_json, document),
            "The JSON is not a genotype (level 2, motif 2, edge 3: 'conv1x2' is not a primitive). "
            "Did you mean 'conv1x1'?",
        )

    def test_files(self) -> None:
        genotype = hierevo.Genotype.random("flat", 1)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "cell.json"
            path.write_text("\ufeff" + genotype.to_json())  # programs skip a byte order mark, too
            self.assertEqual(hierevo.Genotype.from_file(path), genotype)
            path.write_bytes(b"\xff\xfe{")
            self.assertIn(f"'{path}' is not a genotype", refusal(hierevo.Genotype.from_file, path))
            path.write_bytes(b"{}" + b" " * (1 << 20))
            with self.assertRaisesRegex(hierevo.FileError, "more than 1048576 bytes"):
                hierevo.Genotype.from_file(path)
            with self.assertRaises(hierevo.MissingFileError):
                hierevo.Genotype.from_file(f"{folder}/none.json")


def damaged(document: dict, shuffle: random.Random) -> str:
    """The text of the document after one random change."""
    place = document
    while True:
        key = shuffle.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if shuffle.random() < 0.3 or not isinstance(place[key], (dict, list)):
            break
        place = place[key]
    values = ["none", "conv1x1", "", None, True, 0, 1, 1.0, 2.5, -1, 3, 10**30, 1e300, [], {}]
    if shuffle.random() < 0.2:
        del place[key]
    elif shuffle.random() < 0.2 and isinstance(place, dict):
        place["other"] = shuffle.choice(values)
    else:
        place[key] = shuffle.choice(values)
    return json.dumps(document)


class AssemblyTest(unittest.TestCase):
    def test_cells_networks_and_costs_are_those_of_the_programs(self) -> None:
        invalid = 0
        for space, (count, mutations) in SPACES.items():
            genotypes = few(space, 40)
            genotypes += [
                hierevo.Genotype.random(space, 9, n, mutations) for n in range(1, count // 2)
            ]
            questions = [
                {"genotype": genotype.to_json(), "networks": [NETWORKS[n % len(NETWORKS)]]}
                for n, genotype in enumerate(genotypes)
            ]
            for question, told, genotype in zip(questions, facts(questions), genotypes):
                cell = genotype.assemble()
                self.assertEqual(as_lists(cell.nodes), told["nodes"])
                self.assertEqual(cell.output, told["output"])
                self.assertEqual(cell.valid, bool(told["nodes"]))
                invalid += not cell.valid
                self.check_network(genotype, question["networks"][0], told["networks"][0])
        self.assertGreater(invalid, 100)

    def check_network(self, genotype: hierevo.Genotype, network: tuple, told: dict) -> None:
        *spec, size = network
        spec = dict(zip(("model", "channels", "cells", "input_channels", "classes"), spec))
        if "refused" in told:
            self.assertEqual(refusal(lambda: genotype.cost(**spec)), told["refused"])
            return
        plan = make_plan(genotype.assemble(), model_spec(**spec))
        operations = [
            [op.kind, list(op.operands), op.name, op.channels, op.kernel, op.stride] for op in plan
        ]
        self.assertEqual(operations, told["operations"])
        self.assertEqual(list(genotype.cost(**spec, image_size=size)), told["cost"])

    def test_numbers_that_are_not_given_are_the_model_s(self) -> None:
        genotype = hierevo.Genotype.from_file(
            pathlib.Path(__file__).resolve().parents[2] / "genotypes" / "published.json"
        )
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "cell.json"
            path.write_text(genotype.to_json())
            for model in ("cifar-small", "cifar-large", "imagenet"):
                lines = hierevo_lines("inspect", "--genotype", path, "--model", model, "--json")
                told = json.loads("\n".join(lines))
                cost = genotype.cost(model)
                for name in ("parameters", "macs", "activation_bytes"):
                    self.assertEqual(getattr(cost, name), told[name])

    def test_impossible_networks_are_refused(self) -> None:
        genotype = hierevo.Genotype.trivial("flat")
        for arguments, complaint in (
            (
                {"model": "cifar-smal"},
                "There is no model 'cifar-smal'. Did you mean 'cifar-small'?",
            ),
            ({"channels": 0}, "A network with 0 channels (it can have 1 to 65536)."),
            ({"cells": 101}, "A network with 101 cells a group"),
            ({"image_size": 0}, "Images of 0 pixels"),
        ):
            self.assertIn(complaint, refusal(lambda given=arguments: genotype.cost(**given)))


def as_lists(nodes: tuple) -> list:
    return [[node.kind, list(node.operands), node.path] for node in nodes]


if __name__ == "__main__":
    sys.exit(unittest.main())
