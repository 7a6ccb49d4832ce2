#!/usr/bin/env python3
"""hierevo.Search: searches that Python starts, evaluated by its functions."""

import os
import signal
import subprocess
import sys
import threading
import unittest
import unittest.mock

import hierevo
from hierevo.progress_bar import ProgressBar
from runs import ProgramTest  # which finds the programs

from programs import DEADLINE, MPIRUN, mpirun

SMALL = {"population": 4, "evaluations": 12, "progress": "off"}


class Commands(ProgramTest):
    def command(self, function=lambda candidate, report: 1, **arguments):
        return hierevo.Search(self.run_dir, function, **arguments).command

    def test_options_by_name(self):
        command = self.command(
            launcher=["mpirun", "-n", "3"],
            program="/opt/hierevo",
            population=20,
            reuse_fitness=True,
            master_evaluates=False,
            tournament=0.25,
            objectives=["fitness", "-parameters"],
            timeout=None,
        )
        self.assertEqual(command[:6], ["mpirun", "-n", "3", "/opt/hierevo", "search", "--run"])
        self.assertEqual(command[6], str(self.run_dir))
        for word in (
            "--population=20",
            "--reuse-fitness=true",
            "--master-evaluates=false",
            "--tournament=0.25",
            "--objectives=fitness,-parameters",
            "--evaluator=server",
        ):
            self.assertIn(word, command)
        self.assertFalse([word for word in command if word.startswith("--timeout")])

    def test_what_cannot_be_given(self):
        for name in ("evaluator", "command"):
            with self.assertRaisesRegex(hierevo.UsageError, f"{name} cannot be given"):
                self.command(**{name: "x"})
        with self.assertRaisesRegex(hierevo.UsageError, "a list of words"):
            self.command(launcher="mpirun -n 3")
        with self.assertRaisesRegex(hierevo.UsageError, "cannot be called"):
            self.command(function=1)
        with unittest.mock.patch.dict(os.environ, HIEREVO_BIN=str(self.folder)):
            with self.assertRaisesRegex(hierevo.MissingFileError, "Set HIEREVO_BIN"):
                self.command()
        search = hierevo.Search(self.run_dir, lambda *_: 1, program=self.folder / "none")
        with self.assertRaisesRegex(hierevo.MissingFileError, "no such program"):
            search.run()

    def test_who_shows_the_progress(self):
        for present in (True, False):
            with unittest.mock.patch.object(ProgressBar, "available", present):
                self.assertEqual("--progress=off" in self.command(), present)
                self.assertIn("--progress=lines", self.command(progress="lines"))


class SearchTest(ProgramTest):
    def module(self, body):
        """A module `mine`, at the top of which is a function `evaluate` with this body."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        (self.folder / "mine.py").write_text(
            f"import os, pathlib, time, hierevo\ndef evaluate(candidate, report):\n{lines}\n"
        )

    def script(self, imports, **options):
        """A script that searches with it; as its own function, or as one that is imported."""
        function = "import mine\nevaluate = mine.evaluate\n"
        if not imports:
            function = (self.folder / "mine.py").read_text()
        path = self.folder / "script.py"
        path.write_text(
            f"import hierevo\n{function}\n"
            f"print(hierevo.Search({str(self.run_dir)!r}, evaluate, **{options!r}).run())\n"
        )
        return [sys.executable, str(path)]

    def run_script(self, imports, **options):
        line = self.script(imports, **{**SMALL, **options})
        return subprocess.run(
            line, capture_output=True, text=True, timeout=DEADLINE, cwd=self.folder
        )

    def noted(self):
        """The words of each line that the function has written."""
        return [line.split() for line in (self.folder / "noted").read_text().splitlines()]


NOTES = (
    "with open('noted', 'a') as file: print(candidate.id, os.getpid(), os.getppid(), file=file)\n"
    "return {'fitness': 1 / candidate.id, 'metrics': {'twice': 2 * candidate.id}}"
)


class Searching(SearchTest):
    def test_a_function_of_this_process(self):
        threads = set()
        both = threading.Barrier(2)

        def evaluate(candidate, report):
            report(step=1, steps=1, loss=0)
            threads.add(threading.get_ident())
            if candidate.id <= 2:
                both.wait(timeout=DEADLINE)
            self.assertTrue(candidate.genotype.assemble().valid)
            return hierevo.Result(1 / candidate.id, metrics={"twice": 2 * candidate.id})

        run = hierevo.Search(self.run_dir, evaluate, workers=2, **SMALL).run()
        self.assertEqual(run.state, "finished")
        self.assertEqual(len(threads), 2)
        table = run.columns
        self.assertEqual(sorted(table["id"]), list(range(1, 13)))
        self.assertEqual(list(table["fitness"]), [1 / id for id in table["id"]])
        self.assertEqual(list(table["metrics.twice"]), [2 * id for id in table["id"]])
        self.hierevo("verify", "--run", self.run_dir)
        # A finished run is opened again at once; more evaluations are done.
        self.assertEqual(len(hierevo.Search(self.run_dir, evaluate, **SMALL).run().history), 12)
        more = hierevo.Search(self.run_dir, evaluate, **{**SMALL, "evaluations": 14}).run()
        self.assertEqual(len(more.history), 14)

    @unittest.skipUnless(MPIRUN, "there is no MPI")
    def test_an_imported_function_under_a_launcher(self):
        self.module(NOTES)
        done = self.run_script(True, launcher=mpirun(3))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("finished, 12 of 12 evaluations", done.stdout)
        self.assertEqual(len({process for _, process, _ in self.noted()}), 2)
        self.assertEqual(sorted(int(id) for id, _, _ in self.noted()), list(range(1, 13)))

    def test_a_function_of_a_script_under_a_launcher(self):
        self.module(NOTES)
        done = self.run_script(False, launcher=mpirun(3) if MPIRUN else ())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({parent for _, _, parent in self.noted()}, {str(os.getpid())})

    def test_the_bar_and_the_messages(self):
        self.module("print('seen', candidate.id)\nreturn 1")
        done = self.run_script(False, progress=None)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("12/12" if ProgressBar.available else "12 of 12", done.stderr)
        self.assertIn("Finished. Everything is in", done.stderr)
        self.assertIn("seen 12", done.stdout)
        self.assertNotIn("is gone", done.stderr)  # which relays say that are not told of the end
        self.assertNotIn("given up", done.stderr)


class Failures(SearchTest):
    def test_each_is_recorded_as_what_it_is(self):
        self.module(
            "with open('noted', 'a') as file: print(candidate.id, candidate.memory_parts, file=file)\n"
            "if candidate.id == 2: report(loss=float('nan'))\n"
            "if candidate.id == 3: raise KeyError('no such image')\n"
            "if candidate.id == 4 and candidate.memory_parts < 4: raise MemoryError\n"
            "if candidate.id == 5: raise MemoryError('always')\n"
            "if candidate.id == 6: os._exit(7)\n"
            "return 1"
        )
        done = self.run_script(True, population=8)
        self.assertEqual(done.returncode, 0, done.stderr)
        run = hierevo.open_run(self.run_dir)
        expected = {
            2: ("diverged", "The loss is nan"),
            3: ("failed", "KeyError: 'no such image'"),
            4: ("evaluated", ""),
            5: ("out_of_memory", "always"),
            6: ("crashed", "7"),
        }
        for id, (status, reason) in expected.items():
            one = run.individual(id)
            self.assertEqual((id, one.status.replace(" ", "_")), (id, status))
            self.assertIn(reason, one.reason)
        self.assertEqual(sum(one.failed for one in run.history), 4)
        parts = [int(parts) for id, parts in self.noted() if id == "4"]
        self.assertEqual(parts, [1, 2, 4])
        parts = [int(parts) for id, parts in self.noted() if id == "5"]
        self.assertEqual(parts, [1, 2, 4, 8, 16])
        self.assertEqual(len([id for id, _ in self.noted() if id == "6"]), 2)  # retried once
        self.hierevo("verify", "--run", self.run_dir)


class Errors(SearchTest):
    def test_options_that_are_refused(self):
        def evaluate(candidate, report):
            return 1

        with self.assertRaises(hierevo.SearchError) as raised:
            hierevo.Search(self.run_dir, evaluate, **{**SMALL, "population": 1}).run()
        self.assertEqual(raised.exception.exit_code, 2)
        self.assertIn("--population is 1 (", str(raised.exception))
        self.assertIn("The search was refused (exit code 2)", str(raised.exception))

    def test_a_function_that_only_fails(self):
        def evaluate(candidate, report):
            raise KeyError("no such data")

        options = {**SMALL, "max_consecutive_failures": 3}
        with self.assertRaises(hierevo.SearchError) as raised:
            hierevo.Search(self.run_dir, evaluate, **options).run()
        self.assertEqual(raised.exception.exit_code, 4)
        self.assertIn("KeyError: 'no such data'", str(raised.exception))

    def test_a_launcher_that_is_not_there(self):
        search = hierevo.Search(self.run_dir, lambda *_: 1, launcher=["no-launcher"], **SMALL)
        with self.assertRaisesRegex(hierevo.SearchError, "'no-launcher' cannot be started"):
            search.run()

    def test_a_module_that_cannot_be_imported_there(self):
        self.module("return 1")
        with (self.folder / "mine.py").open("a") as file:
            file.write("if 'script' not in str(__import__('sys').argv): raise OSError('no data')\n")
        done = self.run_script(True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("SearchError", done.stderr)
        self.assertIn("OSError: no data", done.stderr)


class Interrupts(SearchTest):
    STOPS = (
        "path = pathlib.Path('resumed')\n"
        "pathlib.Path(f'began.{candidate.id}').touch()\n"
        "while candidate.id == 5 and not path.exists():\n"
        "    report()\n"
        "    time.sleep(0.001)\n"
        "return 1"
    )

    def start(self, body, imports, **options):
        """The process of a script that is in the evaluation of candidate 5."""
        self.module(body)
        line = self.script(imports, **{**SMALL, **options})
        process = subprocess.Popen(
            line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=self.folder
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(self.wait_until((self.folder / "began.5").exists, process))
        return process

    def test_it_saves_and_the_same_call_resumes(self):
        for imports, launcher in ((False, ()), (True, mpirun(3) if MPIRUN else ())):
            with self.subTest(imports=imports):
                self.run_dir = self.folder / f"run {imports}"
                process = self.start(self.STOPS, imports, launcher=launcher)
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=DEADLINE)
                self.assertEqual(process.returncode, -signal.SIGINT, told)
                self.assertIn("The search is saved; run() resumes it.", told)
                self.assertEqual(hierevo.open_run(self.run_dir).state, "saved")
                (self.folder / "resumed").touch()
                done = self.run_script(imports, launcher=launcher)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.hierevo("verify", "--run", self.run_dir)
                (self.folder / "resumed").unlink()
                (self.folder / "began.5").unlink()

    def test_without_its_python_it_saves_and_nothing_has_failed(self):
        for imports, launcher in ((False, ()), (True, mpirun(3) if MPIRUN else ())):
            with self.subTest(imports=imports):
                self.run_dir = self.folder / f"run {imports}"
                process = self.start(self.STOPS, imports, launcher=launcher)
                process.kill()
                self.wait_until(lambda: hierevo.open_run(self.run_dir).state == "saved")
                (self.folder / "resumed").touch()
                done = self.run_script(imports, launcher=launcher)
                self.assertEqual(done.returncode, 0, done.stderr)
                run = hierevo.open_run(self.run_dir)
                self.assertEqual([one.status for one in run.history], 12 * ["evaluated"])
                (self.folder / "resumed").unlink()
                (self.folder / "began.5").unlink()

    def test_a_second_one_kills(self):
        never = "pathlib.Path(f'began.{candidate.id}').touch()\n" + (
            "while candidate.id == 5: time.sleep(0.01)\nreturn 1"
        )
        process = self.start(never, False)
        process.send_signal(signal.SIGINT)
        told = ""
        while "Interrupt again to kill it" not in told:
            told += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        told += process.communicate(timeout=DEADLINE)[1]
        self.assertEqual(process.returncode, -signal.SIGINT, told)
        self.wait_until(lambda: hierevo.open_run(self.run_dir).state == "stopped")


if __name__ == "__main__":
    unittest.main()
