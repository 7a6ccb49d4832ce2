"""What the tests of runs share: searches to read, and what the programs say about them."""

import csv
import math
import pathlib
import shutil
import subprocess
import sys
import warnings

import hierevo
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "app"))
from programs import HIEREVO, ProgramTest  # noqa: E402

SMALL = ["--space", "3x3,1x3", "--population", "8", "--tournament", "0.3"]


class RunTest(ProgramTest):
    def search(self, *arguments: object, evaluations: int = 60) -> None:
        self.hierevo(*self.line(*arguments, evaluations=evaluations)[1:])

    def line(self, *arguments: object, evaluations: int = 60) -> list[str]:
        line = [HIEREVO, "search", "--run", self.run_dir, "--evaluator", "synthetic", *SMALL]
        return [*map(str, line), "--evaluations", str(evaluations), *map(str, arguments)]

    def start(self, *arguments: object, evaluations: int = 5000) -> "subprocess.Popen[bytes]":
        line = self.line("--synthetic-ms", 2, *arguments, evaluations=evaluations)
        process = subprocess.Popen(line, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def kill_after(self, results: int, *arguments: object) -> None:
        """Kills a search once it has recorded so many results."""
        process = self.start(*arguments)
        self.assertTrue(self.wait_until(lambda: self.has_results(results), process))
        process.kill()
        process.wait()

    def has_results(self, count: int) -> bool:
        return (self.run_dir / "search.h5").exists() and len(self.quiet().history) >= count

    def quiet(self) -> hierevo.Run:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hierevo.DamageWarning)
            return hierevo.open_run(self.run_dir)

    def rows(self) -> list[dict[str, str]]:
        """Of individuals.csv, as hierevo report writes it."""
        page, folder = self.folder / "page.html", self.folder / "csv"
        shutil.rmtree(folder, ignore_errors=True)
        self.hierevo("report", "--run", self.run_dir, "--out", page, "--csv", folder)
        with open(folder / "individuals.csv", newline="") as file:
            return list(csv.DictReader(file))

    def assert_as_the_programs_say(self, run: hierevo.Run) -> None:
        status = self.status()
        evaluations = status["evaluations"]
        self.assertEqual(len(run.history), evaluations["done"])
        self.assertEqual(len(run.in_flight), evaluations["in_flight"])
        self.assertEqual(sum(one.failed for one in run.history), evaluations["failed"])
        self.assertEqual(run.target, evaluations["target"])
        self.assertEqual(run.state, status["state"])
        self.assertAlmostEqual(run.progress["elapsed_seconds"], status["elapsed_seconds"])
        best = run.best
        if best is None:
            self.assertIsNone(status["best"])
        else:
            expected = {
                "id": best.id,
                "fitness": best.fitness,
                "parameters": best.parameters,
            }
            self.assertEqual(status["best"], expected)
        self.assert_table_is(self.rows(), run.columns)

    def assert_table_is(self, rows: list[dict[str, str]], table: "dict[str, np.ndarray]") -> None:
        self.assertEqual([int(row["id"]) for row in rows], table["id"].tolist())
        self.assertEqual([int(row["parent"] or 0) for row in rows], table["parent"].tolist())
        for name in ("status", "phenotype", "reason"):
            self.assertEqual([row[name] for row in rows], table[name].tolist())
        for name in ("parameters", "macs", "worker"):
            self.assertEqual([int(row[name]) for row in rows], table[name].tolist())
        seconds = [float(row["seconds"]) for row in rows]
        self.assertEqual(seconds, table["seconds"].tolist())
        times = [float(row["finished_at"] or "nan") for row in rows]
        np.testing.assert_array_equal(times, table["finished_at"])
        measured = [row["status"] in ("evaluated", "reused") for row in rows]
        fitness = [float(row["fitness"]) if has else math.nan for row, has in zip(rows, measured)]
        np.testing.assert_array_equal(fitness, table["fitness"])
