#!/usr/bin/env python3
"""A search evaluated by a training in PyTorch, all of whose processes are killed at random moments."""

import collections
import os
import random
import sys
import unittest

import hierevo
import runs  # noqa: F401  # which finds the modules of tests/app
from jobs import JobTest
from programs import mpirun

# Torch is imported once in a process; each of a candidate's starts, and its end, is noted.
EVALUATOR = """
import os, hierevo

def note(file, *words):
    with open(file, "a") as lines:
        print(*words, file=lines)

import torch
note("imports", os.getpid())
torch.set_num_threads(1)

def evaluate(candidate, report):
    torch.manual_seed(candidate.seed)
    pixels, classes = torch.randn(64, 8), torch.randint(2, (64,))
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    first = 0
    if saved := candidate.saved("state.pt"):
        state = torch.load(saved)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    note("starts", candidate.id, first)

    def save():
        with candidate.saving("state.pt") as path:
            torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(),
                        "step": step}, path)

    for step in range(first + 1, 41):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(pixels), classes)
        loss.backward()
        optimizer.step()
        report(step=step, steps=40, loss=loss.item(), save=save, save_every=0)
    note("losses", candidate.id, loss.item())
    return (net(pixels).argmax(1) == classes).float().mean()

hierevo.serve(evaluate)
"""
LINE = ["--population", 8, "--evaluations", 40, "--tournament", 0.3, "--progress", "off"]


class Killed(JobTest):
    def setUp(self):
        super().setUp()
        (self.folder / "evaluate.py").write_text(EVALUATOR)

    def start_search(self):
        command = f"{sys.executable} evaluate.py"
        arguments = ["--evaluator", "server", "--command", command, *LINE]
        return self.start(*arguments, launcher=mpirun(3))

    def noted(self, file):
        path = self.folder / file
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def half_trained(self):
        return list(self.run_dir.glob("inflight/*/state.pt"))

    def kill_at_a_random_moment(self, choose, least):
        """Kills all once a candidate of this start is half trained.

        Gives the number of starts of trainings by then, the ids of candidates with a result, and of
        those without one that have saved a state.
        """
        job = self.start_search()
        target = choose.randint(least, least + 10)
        before = len(self.noted("starts"))

        def reached():
            begun = len(self.noted("starts")) > before
            return begun and self.done() >= target and self.half_trained()

        self.assertTrue(self.wait_until(reached, job.process), job.text())
        job.end()
        self.wait_until(lambda: not job.processes())
        finished = {one.id for one in hierevo.open_run(self.run_dir).history}
        half = {int(path.parent.name.split(".")[0]) for path in self.half_trained()}
        return len(self.noted("starts")), finished, half - finished

    def test_nothing_is_lost_or_done_twice(self):
        choose = random.Random(3)
        kills = [self.kill_at_a_random_moment(choose, least) for least in (3, 16)]
        job = self.start_search()
        self.assertEqual(self.wait_for_end(job), 0, job.text())
        for starts, finished, half in kills:
            self.assertTrue(finished)
            later = {}  # the first start of each after the kill, and the step it was resumed at
            for id, first in self.noted("starts")[starts:]:
                later.setdefault(int(id), int(first))
            self.assertFalse(finished & later.keys())
            self.assertFalse([id for id in half if later[id] == 0])
        self.assert_finished(40)
        run = hierevo.open_run(self.run_dir)
        self.assertEqual(sorted(one.id for one in run.history), list(range(1, 41)))
        self.assertEqual([one for one in run.history if one.failed], [])
        self.hierevo("verify", "--run", self.run_dir)
        self.assertFalse(list(self.run_dir.glob("inflight/*")))
        self.assert_torch_was_imported_once_in_each_process()
        self.assert_continued_trainings_are_those_without_a_break()

    def assert_torch_was_imported_once_in_each_process(self):
        processes = collections.Counter(process for (process,) in self.noted("imports"))
        self.assertEqual(set(processes.values()), {1})
        self.assertEqual(len(processes), 3 * 2)  # three starts of two evaluators

    def assert_continued_trainings_are_those_without_a_break(self):
        """By the last loss, which another evaluation of the same seed has, too."""
        losses = {int(id): float(loss) for id, loss in self.noted("losses")}
        continued = {int(id) for id, first in self.noted("starts") if int(first) > 0}
        self.assertTrue(continued)
        module = {}
        os.chdir(self.folder)
        exec(EVALUATOR.replace("hierevo.serve(evaluate)", ""), module)
        run = hierevo.open_run(self.run_dir)
        for id in continued:
            one = run.individual(id)
            again = hierevo.evaluate_once(module["evaluate"], run.genotype(id), seed=one.seed)
            self.assertEqual(again.fitness, one.fitness)
            self.assertAlmostEqual(float(self.noted("losses")[-1][1]), losses[id], places=6)


if __name__ == "__main__":
    unittest.main()
