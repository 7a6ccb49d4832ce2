"""check-gpu's own rules: what hangs is ended with all that it has started, and what fails stops nothing else."""
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import redirect_stderr, redirect_stdout

GPU = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "gpu"
LOADER = importlib.machinery.SourceFileLoader("check_gpu", str(GPU / "check-gpu"))
check_gpu = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_gpu", LOADER))
LOADER.exec_module(check_gpu)
import processes  # noqa: E402 (check-gpu has said where it is)
import speed  # noqa: E402
from bench import Bench  # noqa: E402
from outcome import Failed, NotPossible, passed  # noqa: E402


class ProcessesTest(unittest.TestCase):
    def setUp(self):
        self.processes = processes.Processes()
        self.addCleanup(self.processes.end_all)

    def test_what_hangs_is_ended(self):
        self.processes.limit(0.3)
        with self.assertRaisesRegex(processes.TimeUp, "not finished after 0 s: sleep"):
            self.processes.run(["sleep", "1000"])
        with self.assertRaises(processes.TimeUp):
            self.processes.check_time()

    def test_what_has_left_its_parent_is_ended(self):
        self.processes.limit(60)
        code, output, _ = self.processes.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"])
        self.assertEqual(code, 0)
        self.assertTrue(pathlib.Path("/proc", output.strip()).exists())
        self.processes.end_all()
        self.assertFalse(pathlib.Path("/proc", output.strip()).exists())

    def test_a_program_that_does_not_answer_is_killed(self):
        self.processes.limit(0.3)
        process = self.processes.start(["sleep", "1000"], stdout=subprocess.PIPE)
        self.processes.kill_later(process)
        self.assertEqual(process.stdout.read(), "")  # it ended
        self.processes.kill(process)

    def test_waiting_ends_with_the_process(self):
        self.processes.limit(60)
        process = self.processes.start(["true"])
        self.assertFalse(self.processes.wait_until(lambda: False, process))
        self.processes.kill(process)


def hangs(bench):
    yield passed("first", "1 of 2")
    bench.processes.run(["sleep", "1000"])


def fails(bench):
    raise Failed("it is broken")
    yield


def is_not_possible(bench):
    raise NotPossible("there is no GPU")
    yield


def works(bench):
    yield passed("", "fine", rate=1.5)


class TableTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        checks = check_gpu.CHECKS
        self.addCleanup(setattr, check_gpu, "CHECKS", checks)

    def check(self, *functions, arguments=()):
        """Exit code, table and JSON of a run with these checks."""
        check_gpu.CHECKS = tuple((function.__name__, 0.5, function) for function in functions)
        file = self.folder / "results.json"
        with redirect_stdout(io.StringIO()) as table, redirect_stderr(io.StringIO()):
            code = check_gpu.main(["--json", str(file), *arguments])
        return code, table.getvalue(), json.loads(file.read_text())

    def test_the_next_checks_follow_one_that_hangs_or_fails(self):
        code, table, results = self.check(hangs, fails, is_not_possible, works)
        self.assertEqual(code, 1)
        self.assertEqual([(line["name"], line["state"]) for line in results["checks"]], [
            ("hangs: first", "passed"), ("hangs", "failed"), ("fails", "failed"),
            ("is_not_possible", "not possible here"), ("works", "passed")])
        self.assertEqual((results["passed"], results["failed"], results["not_possible"]), (2, 2, 1))
        self.assertRegex(table, r"(?m)^fails +FAILED +it is broken$")
        self.assertTrue(table.endswith("2 passed, 2 failed, 1 not possible here\n"))
        self.assertEqual(results["checks"][-1]["numbers"], {"rate": 1.5})

    def test_only_failures_count(self):
        self.assertEqual(self.check(is_not_possible, works)[0], 0)

    def test_some_of_the_checks(self):
        code, _, results = self.check(fails, works, arguments=["--only", "works"])
        self.assertEqual((code, len(results["checks"])), (0, 1))
        for wrong in (["--only", "nothing"], ["--minutes", "0"], ["--unknown"]):
            with self.assertRaises(SystemExit) as ended, redirect_stderr(io.StringIO()):
                check_gpu.main(wrong)
            self.assertEqual(ended.exception.code, 2)

    def test_when_the_minutes_are_over(self):
        code, _, results = self.check(works, arguments=["--minutes", "0.001"])
        self.assertEqual(code, 0)
        self.assertIn("minutes are over", results["checks"][0]["detail"])

    def test_programs_that_do_not_start_are_reported_once(self):
        """By a bundle whose ./run refuses."""
        (self.folder / "run").write_text("#!/bin/sh\necho 'run: No LibTorch was found' >&2\nexit 2\n")
        (self.folder / "run").chmod(0o700)
        bench = Bench(self.folder, self.folder, processes.Processes(), False)
        bench.processes.limit(60)
        with self.assertRaisesRegex(Failed, "^run: No LibTorch was found$"):
            bench.hierevo("--version")
        with self.assertRaisesRegex(NotPossible, "cannot be started"):
            bench.hierevo("--version")


class ComparisonTest(unittest.TestCase):
    def test_hierevo_beside_pytorch(self):
        rates = {"eager": 100.0, "compiled bf16": 400.0}
        own = {"eager": 200.0, "eager_host_share": 0.9, "training_with_graphs": 300.0, "bf16": 800.0}
        text = speed.beside(own, rates)
        self.assertIn("in float32 is 3.00× eager", text)
        self.assertIn("of all 2.00× PyTorch's best", text)

    def test_pytorch_measures_the_network_of_an_export(self):
        try:
            import torch  # noqa: F401
        except ImportError:
            self.skipTest("this Python has no torch")
        with tempfile.TemporaryDirectory() as folder:
            module = pathlib.Path(folder) / "net.py"
            hierevo = pathlib.Path(os.environ["HIEREVO_BIN"]) / "hierevo"
            subprocess.run([hierevo, "export", "--format", "pytorch", "--genotype",
                            GPU.parents[1] / "genotypes" / "published.json", "--channels", "2", "--out", module],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            job = {"modules": ["net"], "batch": 2, "crop": 8, "steps": 1, "device": "cpu"}
            start = time.monotonic()
            done = subprocess.run([sys.executable, GPU / "checks" / "pytorch_speed.py", folder, json.dumps(job)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual((result["module"], result["mode"]), ("net", "eager"))
            self.assertGreater(result["images_per_second"], 2 / (time.monotonic() - start))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main(verbosity=2)
