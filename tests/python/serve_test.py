#!/usr/bin/env python3
"""hierevo.serve: what an evaluation function makes of the evaluator protocol."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import unittest

import numpy

import hierevo
from evaluator_harness import DEADLINE, GENOTYPE, EvaluatorTest


class Conversation(EvaluatorTest):
    def test_hello_candidates_and_shutdown(self) -> None:
        evaluator = self.serve(
            "return candidate.id / 10",
            before="import atexit; atexit.register(lambda: pathlib.Path('at exit').touch())",
            arguments=", name='tenths'",
        )
        assert self.hello is not None
        self.assertEqual(self.hello["protocol"], 1)
        self.assertEqual(self.hello["name"], "tenths")
        self.assertEqual(self.hello["fields"], ["genotype"])
        for id in (7, 3):
            evaluator.candidate(id)
            self.assertEqual(evaluator.receive(), {"type": "result", "id": id, "fitness": id / 10})
        evaluator.send(type="shutdown")
        self.assertIsNone(evaluator.receive())
        self.assertEqual(evaluator.end(), 0, evaluator.text())
        self.assertTrue((self.folder / "at exit").exists())

    def test_end_of_input_while_idle(self) -> None:
        evaluator = self.serve("return 1")
        evaluator.close_input()
        self.assertEqual(evaluator.end(), 0, evaluator.text())
        self.assertEqual(evaluator.text(), "")

    def test_what_the_function_is_told(self) -> None:
        evaluator = self.serve(
            "assert candidate.seed == 2**64 - 1 and candidate.memory_parts == 4\n"
            "assert not pathlib.Path('own').exists()\n"
            "assert candidate.folder == pathlib.Path('own') and candidate.folder.is_dir()\n"
            "return len(candidate.cell['nodes'])",
            arguments=", fields=('cell',)",
        )
        assert self.hello is not None
        self.assertEqual(self.hello["fields"], ["cell"])
        cell = {"output": 0, "nodes": [{"kind": "input", "operands": []}]}
        evaluator.candidate(1, seed=2**64 - 1, memory_parts=4, folder="own", cell=cell)
        self.assertEqual(evaluator.answer().get("fitness"), 1, evaluator.text())

    def test_outcomes_say_of_which_try_they_are(self) -> None:
        evaluator = self.serve(
            "if candidate.memory_parts < 4: raise MemoryError\n"
            "if candidate.memory_parts == 8:\n"
            "    while True: report()\n"
            "return 1"
        )
        for parts, kind in ((1, "failure"), (2, "failure"), (4, "result"), (8, "stopped")):
            evaluator.candidate(1, memory_parts=parts)
            if kind == "stopped":
                evaluator.receive()
                evaluator.send(type="stop", id=1)
            self.assertEqual(evaluator.answer()["type"], kind)  # and the harness looks at the parts

    def test_a_genotype_of_a_megabyte(self) -> None:
        evaluator = self.serve("return len(candidate._message['genotype']['levels'])")
        evaluator.candidate(1, genotype={"levels": [1] * 400_000})
        self.assertEqual(evaluator.answer()["fitness"], 400_000)

    def test_it_asks_for_what_the_function_needs(self) -> None:
        evaluator = self.serve("return candidate.genotype", arguments=", fields=('cell',)")
        evaluator.send(type="candidate", id=1, seed=1, folder=None, cell={})
        self.assertIn('Name "genotype" in its fields', evaluator.answer()["reason"])

    def test_the_same_seed_the_same_numbers(self) -> None:
        evaluator = self.serve(
            "candidate.seed_all()\n"
            "return {'fitness': random.random(), 'values': [numpy.random.rand()]}",
            before="import random, numpy",
        )
        answers = []
        for seed in (2**64 - 1, 5, 2**64 - 1):
            evaluator.candidate(1, seed=seed)
            answers.append(evaluator.answer())
        self.assertEqual(answers[0], answers[2])
        self.assertNotEqual(answers[0], answers[1])

    def test_another_version_of_the_protocol(self) -> None:
        evaluator = self.serve("return 1")
        evaluator.send(type="hello", protocol=2, version="9.9")
        evaluator.end()
        self.assertIn("hierevo speaks version 2", evaluator.text())


class Output(EvaluatorTest):
    def test_prints_of_whatever_go_to_standard_error(self) -> None:
        evaluator = self.serve(
            "print('{printed', candidate.id)\n"
            "os.write(1, b'{written\\n')\n"
            "subprocess.run(['echo', '{by a program'])\n"
            "if os.fork() == 0:\n"
            "    print('{forked', flush=True)\n"
            "    os._exit(0)\n"
            "os.wait()\n"
            "ctypes.CDLL(None).puts(b'{by C')\n"
            "ctypes.CDLL(None).fflush(None)\n"
            "return len(sys.stdin.read())",
            before="import ctypes, subprocess\nprint('before', end='', flush=True)",
        )
        for id in (1, 2):
            evaluator.candidate(id)
            self.assertEqual(evaluator.receive(), {"type": "result", "id": id, "fitness": 0})
        told = evaluator.text()
        for line in ("{printed 2", "{written", "{by a program", "{forked", "{by C"):
            self.assertIn(line + "\n", told)
        self.assertEqual(evaluator.output, ["before"])

    def test_a_line_is_there_before_the_process_ends(self) -> None:
        evaluator = self.serve("print('seen')\nos._exit(3)")
        evaluator.candidate(1)
        self.assertEqual(evaluator.end(), 3)
        self.assertEqual(evaluator.text(), "seen\n")

    def test_children_have_none_of_its_descriptors(self) -> None:
        evaluator = self.serve(
            'code = \'import os; print(sum("pipe:" in os.readlink(f"/proc/self/fd/{n}") \'\\\n'
            "    'for n in range(3, 64) if os.path.exists(f\"/proc/self/fd/{n}\")))'\n"
            "told = subprocess.run([sys.executable, '-c', code], stdout=open('told', 'w'),\n"
            "                      close_fds=False)\n"
            "with open('forked', 'w') as file:\n"
            "    if os.fork() == 0:\n"
            "        exec(code.replace('print', 'file.write(str').replace(')))', '))))'))\n"
            "        file.flush()\n"
            "        os._exit(0)\n"
            "os.wait()\n"
            "return int(open('told').read()) + int(open('forked').read())",
            before="import subprocess",
        )
        evaluator.candidate(1)
        self.assertEqual(evaluator.answer().get("fitness"), 0, evaluator.text())

    def test_spawned_workers_do_not_serve(self) -> None:
        for method in ("spawn", "forkserver", "fork"):
            evaluator = self.start(
                "import multiprocessing, hierevo\n"
                "def evaluate(candidate, report):\n"
                f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
                "        return pool.apply(abs, (-0.25,))\n"
                "hierevo.serve(evaluate)\n"  # without asking for __main__
            )
            evaluator.candidate(1)
            self.assertEqual(evaluator.answer().get("fitness"), 0.25, evaluator.text())
            self.assertEqual(evaluator.text(), "")

    def test_by_hand_it_says_how_to_start_it(self) -> None:
        script = self.folder / "mine.py"
        script.write_text("import hierevo\nhierevo.serve(lambda candidate, report: 1)\n")
        terminal, other = os.openpty()
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.close, other)
        done = subprocess.run(
            [sys.executable, "mine.py"],
            stdin=other,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=DEADLINE,
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("--evaluator server --command 'python3 mine.py'", done.stderr)
        self.assertEqual(done.stdout, "")


class Progress(EvaluatorTest):
    def test_progress_comes_before_the_result(self) -> None:
        evaluator = self.serve(
            "report(repeat=1, step=numpy.int64(5), steps=10, loss=numpy.float32(0.5))\n"
            "report()\n"
            "return 1",
            before="import numpy",
        )
        evaluator.candidate(4)
        progress = {"type": "progress", "id": 4}
        expected = {**progress, "repeat": 1, "step": 5, "steps": 10, "loss": 0.5}
        self.assertEqual(evaluator.receive(), expected)
        self.assertEqual(evaluator.receive(), progress)
        self.assertEqual(evaluator.answer()["type"], "result")


class Stop(EvaluatorTest):
    SAVES = (
        "done = int(candidate.saved('state').read_text()) if candidate.saved('state') else 0\n"
        "def save():\n"
        "    with candidate.saving('state') as path: path.write_text(str(done))\n"
        "while done < 5 or candidate.id == 1 and not pathlib.Path('resumed').exists():\n"
        "    done += 1\n"
        "    report(step=done, save=save)\n"
        "return done"
    )

    def test_report_saves_and_stops(self) -> None:
        evaluator = self.serve(self.SAVES)
        evaluator.candidate(1, folder="1.d")
        while (message := evaluator.receive()) is not None and message["step"] < 5:
            pass
        evaluator.send(type="stop", id=1)
        self.assertEqual(evaluator.answer(), {"type": "stopped", "id": 1})
        saved = int((self.folder / "1.d" / "state").read_text())
        self.assertGreaterEqual(saved, 5)
        # The next one is not stopped, and the same one resumes.
        evaluator.candidate(2, folder="2.d")
        self.assertEqual(evaluator.answer()["fitness"], 5)
        (self.folder / "resumed").touch()
        evaluator.candidate(1, folder="1.d")
        answer = evaluator.answer()
        self.assertEqual(answer["fitness"], saved)
        self.assertGreater(answer["seconds"], 0)
        self.assertEqual(list(self.folder.rglob("tmp-*")), [])

    def test_a_stop_is_seen_while_the_function_computes(self) -> None:
        evaluator = self.serve(
            "report()\nwhile not report.stop_requested: pass\nraise hierevo.Stopped"
        )
        evaluator.candidate(1)
        evaluator.receive()
        evaluator.send(type="stop", id=1)
        self.assertEqual(evaluator.answer(), {"type": "stopped", "id": 1})

    def test_catching_exceptions_does_not_catch_it(self) -> None:
        evaluator = self.serve("while True:\n    try: report()\n    except Exception: pass")
        evaluator.candidate(1)
        evaluator.receive()
        evaluator.send(type="stop", id=1)
        self.assertEqual(evaluator.answer()["type"], "stopped")

    def test_a_result_may_answer_it(self) -> None:
        evaluator = self.serve("report()\nwhile not report.stop_requested: pass\nreturn 0.75")
        evaluator.candidate(1)
        evaluator.receive()
        evaluator.send(type="stop", id=1)
        self.assertEqual(evaluator.answer()["fitness"], 0.75)

    def test_a_stop_of_what_has_a_result_stops_nothing(self) -> None:
        evaluator = self.serve("report()\nreturn 1")
        for id in (1, 1, 2):
            evaluator.candidate(id)
            self.assertEqual(evaluator.answer().get("fitness"), 1)
            evaluator.send(type="stop", id=id)

    def test_without_hierevo_it_exits_amid_an_evaluation(self) -> None:
        evaluator = self.serve("report()\nprint('computes', end='')\nwhile True: pass")
        evaluator.candidate(1)
        evaluator.receive()
        evaluator.close_input()
        self.assertEqual(evaluator.end(), 0)
        self.assertEqual(evaluator.text(), "computes")

    def test_sigterm_ends_it(self) -> None:
        evaluator = self.serve("report()\nwhile True: pass")
        evaluator.candidate(1)
        evaluator.receive()
        evaluator.process.terminate()
        self.assertEqual(evaluator.end(), -signal.SIGTERM)

    def test_it_saves_now_and_then(self) -> None:
        evaluator = self.serve(
            "saves = []\n"
            "for every in (1e9, 0, 0, 1e9): report(save=lambda: saves.append(1), save_every=every)\n"
            "return len(saves)"
        )
        for folder, saves in (("own", 2), (None, 0)):
            evaluator.candidate(1, folder=folder)
            self.assertEqual(evaluator.answer()["fitness"], saves)


class Saving(EvaluatorTest):
    def test_a_failed_save_leaves_the_old_state(self) -> None:
        candidate = hierevo.Candidate({"id": 1, "seed": 1, "folder": str(self.folder / "own")})
        self.assertIsNone(candidate.saved("state"))
        with candidate.saving("state") as path:
            path.write_text("old")
        with self.assertRaises(OSError), candidate.saving("state") as path:
            path.write_text("ne")
            raise OSError("no space left")
        saved = candidate.saved("state")
        assert saved is not None
        self.assertEqual(saved.read_text(), "old")
        self.assertEqual(
            sorted(p.name for p in saved.parent.iterdir()), ["evaluation-seconds", "state"]
        )

    def test_two_evaluations_of_one_candidate_save_whole_states(self) -> None:
        given = {"id": 1, "seed": 1, "folder": str(self.folder / "own")}
        one, other = hierevo.Candidate(given), hierevo.Candidate(given)
        for first, second in ((one, other), (other, one)):
            with contextlib.ExitStack() as outer, first.saving("state") as path:
                path.write_text("first, of which the beginning")
                late = outer.enter_context(second.saving("state"))
                late.write_text("sec")
                self.assertNotEqual(path, late)
                outer.close()  # ends the second amid the first
                path.write_text("first, and its end")
                # What was published while the first is being written is the second, untouched.
                saved = first.saved("state")
                assert saved is not None
                self.assertEqual(saved.read_text(), "sec")
            self.assertEqual(saved.read_text(), "first, and its end")
            self.assertGreater(hierevo.Candidate(given).earlier_seconds, 0)
        self.assertEqual(
            sorted(p.name for p in saved.parent.iterdir()), ["evaluation-seconds", "state"]
        )

    def test_writers_that_go_by_the_suffix(self) -> None:
        candidate = hierevo.Candidate({"id": 1, "seed": 1, "folder": str(self.folder / "own")})
        with candidate.saving("state.npz") as path:
            numpy.savez(path, weights=numpy.arange(3))
        saved = candidate.saved("state.npz")
        assert saved is not None
        with numpy.load(saved) as arrays:
            self.assertEqual(list(arrays["weights"]), [0, 1, 2])

    def test_the_time_of_earlier_starts_adds_up(self) -> None:
        given = {"id": 1, "seed": 1, "folder": str(self.folder / "own")}
        total = 0.0
        for _ in range(3):
            candidate = hierevo.Candidate(given)
            self.assertGreaterEqual(candidate.earlier_seconds, total)
            for _ in range(2):
                with candidate.saving("state") as path:
                    path.touch()
            total = candidate.earlier_seconds
            self.assertLess(total, candidate.seconds)
        self.assertGreater(total, 0)
        self.assertLess(total, hierevo.Candidate(given).earlier_seconds)

    def test_without_a_run_nothing_is_kept(self) -> None:
        candidate = hierevo.Candidate({"id": 1, "seed": 1, "folder": None})
        self.assertIsNone(candidate.folder)
        with candidate.saving("state") as path:
            path.write_text("gone")
        self.assertIsNone(candidate.saved("state"))
        self.assertFalse(path.exists())


class Once(EvaluatorTest):
    def test_a_function_is_tried(self) -> None:
        def evaluate(candidate: hierevo.Candidate, report: hierevo.Report) -> float:
            report(step=1, steps=2, loss=3)
            self.assertEqual((candidate.seed, candidate.memory_parts), (9, 2))
            return candidate.genotype.cost(channels=4).parameters

        genotype = hierevo.Genotype.from_json(GENOTYPE)
        path = self.folder / "genotype.json"
        path.write_text(genotype.to_json())
        expected = genotype.cost(channels=4).parameters
        for given in (genotype, GENOTYPE, path):
            result = hierevo.evaluate_once(evaluate, given, seed=9, memory_parts=2)
            self.assertEqual(result.fitness, expected)

    def test_it_resumes_and_errors_come_out(self) -> None:
        def evaluate(candidate: hierevo.Candidate, report: hierevo.Report) -> float:
            if candidate.saved("state"):
                return 0.5
            with candidate.saving("state") as path:
                path.touch()
            raise KeyError("mine")

        folder = self.folder / "own"
        with self.assertRaisesRegex(KeyError, "mine"):
            hierevo.evaluate_once(evaluate, GENOTYPE, folder=folder)
        self.assertEqual(hierevo.evaluate_once(evaluate, GENOTYPE, folder=folder).fitness, 0.5)


if __name__ == "__main__":
    unittest.main()
