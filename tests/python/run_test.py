#!/usr/bin/env python3
"""Runs as Python reads them, and as the programs do."""

import dataclasses
import json
import math
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest

import hierevo
import numpy as np
from hierevo.checksums import crc32c
from hierevo.folder_lock import is_in_use
from hierevo.individuals import pareto_front
from hierevo.ini_text import read_options
from runs import ROOT, RunTest

METRICS_EVALUATOR = """#!/usr/bin/env python3
import json, os
number = int(os.environ["HIEREVO_ID"])
metrics = {"latency": number / 4}
if number % 2:
    metrics["odd"] = 1.0
print(json.dumps({"fitness": number % 7 / 7, "metrics": metrics}))
"""
OLD_RUNS = ROOT / "tests" / "app" / "old_runs" / "2026-11.tar.xz"


PRIMITIVES = ["conv1x1", "depthwise3x3", "separable3x3", "maxpool3x3", "avgpool3x3", "identity"]


def genotype_json(run: hierevo.Run, id_: int) -> str:
    """Of the space 3x3,1x3, from the genes as io/FORMAT.md orders them."""
    genes = list(run.individual(id_).genes)
    names = ["none", *PRIMITIVES]
    low = [[names[gene] for gene in genes[3 * i : 3 * i + 3]] for i in range(3)]
    high = [[gene or "none" for gene in genes[9:]]]
    levels = [
        {"level": 2, "nodes": 3, "motifs": low},
        {"level": 3, "nodes": 3, "motifs": high},
    ]
    return json.dumps({"format": "hierevo.genotype", "version": 1, "levels": levels})


class Reading(RunTest):
    def test_the_front_is_that_of_inspect(self) -> None:
        for objectives, least in (("fitness,-parameters,-macs", 3), ("-macs,fitness", 2)):
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self.search("--objectives", objectives)
            self.assertGreaterEqual(len(self.front_as_inspect_shows_it(objectives)), least)
        shutil.rmtree(self.run_dir)
        self.search()
        (best,) = self.front_as_inspect_shows_it("fitness")
        self.assertEqual(best, hierevo.open_run(self.run_dir).best)

    def front_as_inspect_shows_it(self, objectives: str) -> "list[hierevo.Individual]":
        run = hierevo.open_run(self.run_dir)
        self.assertEqual(run.settings.objectives, objectives)
        shown = self.hierevo("inspect", "--run", self.run_dir, "--front", "--json").stdout
        expected = [member["id"] for member in json.loads(shown)["front"]]
        self.assertEqual([one.id for one in run.front], expected)
        return run.front

    def test_fronts_of_random_individuals(self) -> None:
        """With ties, metrics that some have not, and individuals without a fitness."""
        self.search()
        some = hierevo.open_run(self.run_dir).history
        rng = random.Random(4)
        for objectives in ("fitness", "fitness,-latency", "latency,-macs,fitness"):
            for _ in range(100):
                history = [self.random_one(rng, one) for one in some[:20]]
                front = pareto_front(history, objectives)
                self.assertEqual(front, self.plain_front(history, objectives.split(",")))

    @staticmethod
    def random_one(rng: random.Random, one: "hierevo.Individual") -> "hierevo.Individual":
        metrics = {"latency": float(rng.randrange(4))} if rng.random() < 0.9 else {}
        return dataclasses.replace(
            one,
            status=rng.choice(["evaluated", "reused", "evaluated", "failed"]),
            fitness=rng.randrange(5) / 4,
            macs=rng.randrange(3),
            metrics=metrics,
        )

    @staticmethod
    def plain_front(history: list, objectives: "list[str]") -> list:
        """By the definition."""
        points = {}
        for one in history:
            numbers = {"fitness": one.fitness, "macs": one.macs, **one.metrics}
            if one.has_fitness and all(name.strip("-") in numbers for name in objectives):
                signs = [(-1 if name[0] == "-" else 1, name.strip("-")) for name in objectives]
                points.setdefault(tuple(sign * numbers[name] for sign, name in signs), one)
        best_first = sorted(points, reverse=True)
        dominated = {
            a for a in points for b in points if a != b and all(x <= y for x, y in zip(a, b))
        }
        return [points[point] for point in best_first if point not in dominated]

    def test_a_finished_search_as_status_report_and_inspect_show_it(self) -> None:
        self.search("--max-parameters", 60000)
        run = hierevo.open_run(self.run_dir)
        self.assertEqual(run.warnings, [])
        self.assertEqual(run.state, "finished")
        self.assert_as_the_programs_say(run)
        self.assertIn("over_budget", run.columns["status"])
        for id_ in range(1, 61):
            shown = self.hierevo("inspect", "--run", self.run_dir, "--id", id_, "--json").stdout
            facts = json.loads(shown)
            one = run.individual(id_)
            self.assertEqual(
                (facts["status"], facts["parent"], facts["reason"], facts["phenotype"]),
                (one.status, one.parent, one.reason, f"{one.phenotype:016x}"),
            )
            self.assertEqual(facts["genotype"], json.loads(genotype_json(run, id_)))
            self.assertEqual(json.loads(run.genotype(id_).to_json()), facts["genotype"])

    def test_a_lineage_ends_at_a_random_individual(self) -> None:
        self.search()
        run = hierevo.open_run(self.run_dir)
        assert run.best is not None
        line = run.lineage(run.best.id)
        self.assertEqual(line[0], run.best)
        self.assertIsNone(line[-1].parent)
        for child, parent in zip(line, line[1:]):
            self.assertEqual(child.parent, parent.id)
            changed = sum(a != b for a, b in zip(child.genes, parent.genes))
            self.assertLessEqual(changed, 1)  # a mutation changes one edge, section 3.1
        self.assertGreater(len(line), 1)
        for unknown in (0, 61, -1):
            with self.assertRaisesRegex(KeyError, f"no result of a candidate {unknown}"):
                run.lineage(unknown)

    def test_the_table_is_a_data_frame_only_where_pandas_is(self) -> None:
        self.search()
        frame = hierevo.open_run(self.run_dir).individuals
        self.assertEqual(type(frame).__name__, "DataFrame")
        self.assertEqual(int(frame.fitness.idxmax()), int(np.nanargmax(frame["fitness"])))
        program = (
            "import sys; sys.modules['pandas'] = None\n"
            "import hierevo; table = hierevo.open_run(sys.argv[1]).individuals\n"
            "print(type(table).__name__, len(table['fitness']), *table)"
        )
        line = [sys.executable, "-c", program, str(self.run_dir)]
        said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
        self.assertEqual(said.split(), ["dict", "60", *frame.columns])

    def test_options_are_as_they_were_given(self) -> None:
        self.search("--data-dir", ' a # "b" \\ ', "--seed", 2**64 - 1)
        run = hierevo.open_run(self.run_dir)
        self.assertEqual(run.config["data-dir"], f'{self.folder}/ a # "b" \\ ')
        self.assertEqual(run.config["seed"], str(run.settings.seed))
        self.assertEqual(run.settings.seed, 2**64 - 1)
        self.assertEqual(run.config["evaluator"], "synthetic")
        self.assertEqual(run.settings.space, "3x3,1x3")

    def test_named_spaces_and_whole_tournaments(self) -> None:
        """What the identity in journals is made of."""
        for space, tournament in (("hierarchical", 1), ("6x4,1x5", 0.05), ("1x11", 1e-5)):
            arguments = ["--space", space, "--tournament", tournament, "--population", 4]
            line = ["search", "--run", self.run_dir, "--evaluator", "synthetic", *arguments]
            self.hierevo(*line, "--evaluations", 9)
            run = hierevo.open_run(self.run_dir)
            self.assertEqual((len(run.history), run.warnings), (9, []))
            self.assert_as_the_programs_say(run)
            shutil.rmtree(self.run_dir)

    def test_runs_of_earlier_programs(self) -> None:
        with tarfile.open(OLD_RUNS) as archive:
            archive.extractall(self.folder)
        for name, results in (("synthetic", 17), ("trained", 5)):
            self.run_dir = self.folder / name
            run = hierevo.open_run(self.run_dir)
            self.assertEqual((len(run.history), len(run.in_flight), run.warnings), (results, 1, []))
            self.assert_as_the_programs_say(run)
            self.assertNotIn("max-memory", run.config)
            self.assertEqual(run.config["max-training-memory"], "0" if results == 17 else "1")
            self.assertTrue(math.isnan(run.columns["finished_at"][0]))

    def test_what_is_no_run(self) -> None:
        file = self.folder / "file"
        file.write_text("")
        empty = self.folder / "empty"
        empty.mkdir()
        training = self.folder / "training"
        (training / "repeat-1").mkdir(parents=True)
        for path, problem in (
            (file, "it is a file"),
            (self.folder / "nothing", "it is not there"),
            (empty, r"no run in this folder \(it has no search\.h5\)"),
            (training, r"the folder of a training. Use open_training\(\)"),
        ):
            with self.assertRaisesRegex(hierevo.FileError, problem) as caught:
                hierevo.open_run(path)
            self.assertEqual(caught.exception.path, str(path))

    def test_metrics_and_objectives(self) -> None:
        evaluator = self.folder / "evaluate.py"
        evaluator.write_text(METRICS_EVALUATOR)
        evaluator.chmod(0o755)
        line = self.line("--command", f"'{evaluator}'", "--objectives", "fitness,-latency")
        line[line.index("synthetic")] = "command"
        process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(self.wait_until(lambda: self.has_results(10), process))  # in the journal alone
        process.kill()
        process.wait()
        run = hierevo.open_run(self.run_dir)
        self.assertEqual((run.settings.objectives, run.warnings), ("fitness,-latency", []))
        self.assert_as_the_programs_say(run)
        self.hierevo(*line[1:])
        run.refresh()
        self.assertEqual((len(run.history), run.warnings), (60, []))
        self.assert_as_the_programs_say(run)
        measured = 0
        for one, latency, odd in zip(
            run.history, run.columns["metrics.latency"], run.columns["metrics.odd"]
        ):
            if one.status != "evaluated":
                self.assertTrue(math.isnan(latency) and math.isnan(odd))
                continue
            measured += 1
            expected = {"latency": one.id / 4} | ({"odd": 1.0} if one.id % 2 else {})
            self.assertEqual(one.metrics, expected)
            self.assertEqual(latency, one.id / 4)
            self.assertTrue(odd == 1.0 if one.id % 2 else math.isnan(odd))
        self.assertGreater(measured, 20)


class WhileItChanges(RunTest):
    def test_a_running_search_is_up_to_date_whenever_it_is_read(self) -> None:
        process = self.start(evaluations=400)
        self.assertTrue(self.wait_until((self.run_dir / "search.h5").exists, process))
        run = hierevo.open_run(self.run_dir)
        lengths = []
        while process.poll() is None:
            before = run.history
            run.refresh()
            self.assertEqual(run.warnings, [])
            self.assertEqual(run.history[: len(before)], before)
            lengths.append(len(run.history))
            if run.state != "running":  # it ended after poll()
                break
            self.assertLessEqual(len(run.in_flight), 1)
        process.wait()
        self.assertGreater(len(set(lengths)), 3)
        run.refresh()
        self.assertEqual((run.state, len(run.history)), ("finished", 400))
        self.assert_as_the_programs_say(run)

    def test_a_lock_is_asked_about_and_not_taken(self) -> None:
        process = self.start()
        self.assertTrue(self.wait_until((self.run_dir / "search.h5").exists, process))
        self.assertTrue(is_in_use(self.run_dir))
        said = self.hierevo(*self.line(evaluations=5000)[1:], code=5).stderr
        self.assertIn("another process already works there", said)
        process.kill()
        process.wait()
        self.assertFalse(is_in_use(self.run_dir))
        self.assertEqual(hierevo.open_run(self.run_dir).state, "stopped")

    def test_killed_and_resumed_twice(self) -> None:
        self.kill_after(20)
        first = hierevo.open_run(self.run_dir)
        self.assertEqual(first.state, "stopped")
        self.assertEqual(len(first.in_flight), 1)
        self.assert_as_the_programs_say(first)
        self.kill_after(len(first.history) + 20)
        second = hierevo.open_run(self.run_dir)
        self.assertEqual(second.history[: len(first.history)], first.history)
        self.assert_as_the_programs_say(second)
        target = len(second.history) + 20
        self.search("--synthetic-ms", 2, evaluations=target)
        third = hierevo.open_run(self.run_dir)
        self.assertEqual(third.history[: len(second.history)], second.history)
        self.assertEqual((third.state, len(third.history)), ("finished", target))
        self.assert_as_the_programs_say(third)

    def test_a_stopped_search_is_saved(self) -> None:
        process = self.start()
        self.assertTrue(self.wait_until(lambda: self.has_results(5), process))
        process.send_signal(signal.SIGTERM)
        process.wait()
        run = hierevo.open_run(self.run_dir)
        self.assertEqual(run.state, "saved")
        self.assert_as_the_programs_say(run)


class Parts(unittest.TestCase):
    def test_checksums_of_all_lengths(self) -> None:
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c(b""), 0)
        rng = random.Random(4)
        lengths = [
            *range(70),
            2047,
            2048,
            2049,
            4097,
            65536,
            *(rng.randrange(1 << 18) for _ in range(20)),
        ]
        for length in lengths:
            data = rng.randbytes(length)
            self.assertEqual(crc32c(data), slow_crc32c(data))
            cut = rng.randrange(length + 1)
            self.assertEqual(crc32c(data[cut:], crc32c(data[:cut])), crc32c(data))

    def test_text_of_options(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        folder = pathlib.Path(holder.name)
        for text, expected in (
            ("\ufeffa=1\r\n# note\n\n b = 2 # two\n", {"a": "1", "b": "2"}),
            ('c="x # y" # z', {"c": "x # y"}),
            ('c="plain"', {"c": '"plain"'}),
            (r'c=" \"\\\n\r"', {"c": ' "\\\n\r'}),
            ('c="open', {"c": '"open'}),
            ("c=a=b", {"c": "a=b"}),
            ("lr-batch=8", {"lr-reference-batch": "8"}),
        ):
            (folder / "config.ini").write_bytes(text.encode())
            self.assertEqual(read_options(folder / "config.ini"), expected)
        for text in ("nothing", "=1", "a=\0"):
            (folder / "config.ini").write_text(text)
            with self.assertRaisesRegex(hierevo.FileError, "line 1 cannot be read"):
                read_options(folder / "config.ini")


def slow_crc32c(data: bytes) -> int:
    """Bit by bit, as its definition says."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


if __name__ == "__main__":
    unittest.main()
