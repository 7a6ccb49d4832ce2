"""The protocols in protocols/*.ini: each is accepted as it stands, and says what the paper says."""
import unittest

from programs import SOURCE, ProgramTest, values

# The paper's numbers (sections 3 and 4). Its protocols have these options and no others.
SHARED = {"batch": "256", "lr": "0.1", "schedule": "steps", "lr-factor": "0.1",
          "weight-decay": "0.0003", "momentum": "0.9", "crop": "24", "flip": "true"}
FINAL = {**SHARED, "dataset": "cifar10", "model": "cifar-large", "channels": "64", "cells": "2",
         "train-size": "0", "validation-size": "0", "repeats": "5", "steps": "80000",
         "lr-drops": "0.5,0.75,0.875"}  # at 40, 60 and 70 thousand
PAPER = {
    "cifar10-search.ini": {**SHARED, "dataset": "cifar10", "space": "hierarchical",
                           "algorithm": "evolution", "population": "200", "evaluations": "7000",
                           "tournament": "0.05", "start-mutations": "1000", "model": "cifar-small",
                           "channels": "16", "cells": "1", "train-size": "40000",
                           "validation-size": "10000", "repeats": "4", "steps": "5000",
                           "lr-drops": "0.8,0.9"},  # at 4000 and 4500
    "cifar10-final.ini": FINAL,
    "cifar10-wide.ini": {**FINAL, "channels": "128"},
    "imagenet.ini": {**SHARED, "model": "imagenet", "channels": "64", "cells": "2",
                     "train-size": "0", "validation-size": "0", "steps": "200000", "batch": "1024",
                     "lr-drops": "0.5,0.75,0.875",  # at 100, 150 and 175 thousand
                     "weight-decay": "0.0001", "crop": "299",
                     # Those it leaves open:
                     "repeats": "1", "brightness": "0.4", "contrast": "0.4"},
}
# What it does not use.
OFF = {"warmup": "0", "label-smoothing": "0", "mixup": "0", "cutmix": "0", "cutout": "0",
       "brightness": "0", "contrast": "0", "drop-path": "0", "decay-norms": "true",
       "clip-norm": "0", "micro-batches": "1", "bf16": "false", "ema-decay": "0",
       "lr-reference-batch": "0",
       "schedule": "steps"}


class Protocols(ProgramTest):
    def dumped(self, command, *arguments):
        return values(self.hierevo(command, *arguments, "--dump-config").stdout)

    def test_each_is_accepted_and_is_in_force(self):
        files = sorted((SOURCE / "protocols").glob("*.ini"))
        self.assertEqual({file.name for file in files}, {*PAPER, "fashion-mnist-quick.ini"})
        for file in files:
            text = file.read_text()
            command = text.split("hierevo ", 1)[1].split(":", 1)[0]
            wanted = values(text)
            in_force = self.dumped(command, "--config", file)
            for name, value in wanted.items():
                self.assertEqual(in_force[name], value, f"{file.name}: {name}")
            if file.name in PAPER:
                self.assertEqual(wanted, PAPER[file.name], file.name)
                off = {name: value for name, value in OFF.items() if name not in wanted}
                self.assertEqual({name: in_force[name] for name in off}, off, file.name)

    def test_every_number_of_the_papers_evaluation_is_in_the_dump(self):
        lines = self.hierevo("evaluate", "--genotype", SOURCE / "genotypes" / "published.json",
                             "--dataset", "cifar10", "--dump-config").stdout.splitlines()
        for name, value, meaning in (
                ("channels", "0", "the model's own: 16"), ("cells", "0", "the model's own: 1"),
                ("train-size", "0", "all except the validation images: 40000"),
                ("lr-drops", "0.8,0.9", "after 4000, 4500 steps")):
            at = lines.index(f"{name}={value}")
            self.assertEqual(lines[at - 1], f"# {meaning}")
        for line in ("model=cifar-small", "repeats=4", "steps=5000", "batch=256", "crop=24", "flip=true",
                     "lr=0.1", "lr-factor=0.1", "momentum=0.9", "weight-decay=0.0003",
                     "validation-size=10000", "schedule=steps"):
            self.assertIn(line, lines)
        self.assertNotIn("# ", self.hierevo(
            "evaluate", "--config", SOURCE / "protocols" / "cifar10-search.ini", "--schedule", "cosine",
            "--dump-config").stdout)

    def test_a_file_of_a_search_serves_evaluate_too(self):
        file = SOURCE / "protocols" / "cifar10-search.ini"
        cell = ("--genotype", SOURCE / "genotypes" / "published.json")
        in_force = self.dumped("evaluate", *cell, "--config", file)
        wanted = values(file.read_text())
        self.assertLess({"steps", "repeats", "crop", "lr-drops"}, in_force.keys())
        for name in wanted.keys() & in_force.keys():
            self.assertEqual(in_force[name], wanted[name], name)
        wrong = self.folder / "wrong.ini"
        wrong.write_text("population=5\nstpes=7\n")
        self.assertIn("There is no option 'stpes'",
                      self.hierevo("evaluate", *cell, "--config", wrong, code=2).stderr)

    def test_the_defaults_are_the_papers_search(self):
        default = self.dumped("search")
        paper = self.dumped("search", "--config", SOURCE / "protocols" / "cifar10-search.ini")
        self.assertEqual(paper.pop("dataset"), "cifar10")
        self.assertEqual(paper.pop("train-size"), "40000")  # by default all except the validation images
        default.pop("dataset")
        default.pop("train-size")
        # Numbers as they come out of the two: of the model, 0 stands for its own.
        for name, own in (("channels", "16"), ("cells", "1")):
            self.assertEqual(default.pop(name), "0")
            self.assertEqual(paper.pop(name), own)
        self.assertEqual(default, paper)

    def test_what_the_paper_does_not_use_is_off(self):
        off = {**OFF, "reuse-fitness": "false", "max-parameters": "0"}
        default = self.dumped("search")
        self.assertEqual({name: default[name] for name in off}, off)


if __name__ == "__main__":
    unittest.main(verbosity=2)
