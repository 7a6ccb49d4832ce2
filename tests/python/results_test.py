#!/usr/bin/env python3
"""What functions that hierevo.serve evaluates with give back and raise, as messages."""

from __future__ import annotations

import unittest

import hierevo
from evaluator_harness import GENOTYPE, EvaluatorTest


class Results(EvaluatorTest):
    def test_numbers_of_numpy_and_whole_results(self) -> None:
        evaluator = self.serve(
            "return [numpy.float32(0.5), numpy.array([[0.5]]), hierevo.Result(0.5, values=[0, 1],\n"
            "    loss=numpy.array([2.0, 3.0]), metrics={'ms/batch': numpy.int64(4)}, seconds=5),\n"
            "    {'fitness': 0.5, 'loss': 1}][candidate.id]",
            before="import numpy",
        )
        expected = [
            {},
            {},
            {"values": [0, 1], "loss": [2, 3], "metrics": {"ms/batch": 4}, "seconds": 5},
            {"loss": 1},
        ]
        for id, members in enumerate(expected):
            evaluator.candidate(id)
            self.assertEqual(
                evaluator.receive(), {"type": "result", "id": id, "fitness": 0.5, **members}
            )

    def test_what_is_no_result_is_said(self) -> None:
        given = {
            "None": "no fitness",
            "'0.5'": "a str as fitness",
            "True": "a bool as fitness",
            "[0.5]": "a list as fitness",
            "numpy.zeros(2)": "an array of shape (2,) as fitness",
            "numpy.zeros(0)": "an array of shape (0,) as fitness",
            "numpy.array(['1'])": "a str as fitness",
            "-0.5": "The fitness is -0.5",
            "{'fitness': 1, 'accuracy': 2}": "a dict with 'accuracy'",
            "{'fitness': 1, 'metrics': {'a b': 2}}": "the name 'a b'",
            "{'fitness': 1, 'metrics': {'a': float('inf')}}": "inf as the metric a",
            "{'fitness': 1, 'metrics': {'9th': 2}}": "begins with a letter",
            "{'fitness': 1, 'metrics': {'macs': 2}}": "none of fitness, parameters, macs",
            "{'fitness': 1, 'metrics': {'a' * 65: 2}}": "64 at most",
            "{'fitness': 1, 'metrics': {'': 2}}": "the name ''",
            "{'fitness': 1, 'metrics': {3: 2}}": "the name '3'",
            "{'fitness': 1, 'metrics': {'\\udc80': 2}}": "the name '\\udc80'",
            "{'fitness': 1, 'metrics': {f'm{i}': i for i in range(65)}}": "gave back 65 metrics",
            "{'fitness': 1, 'values': ['x']}": "a str as one of values",
            "{'fitness': 1, 'values': 1}": "a int as values",
            "{'fitness': 1, 'values': [1] * 1001}": "more than 1000 values",
            "{'fitness': 1, 'loss': itertools.repeat(1)}": "more than 1000 losses",
            "{'fitness': 1, 'seconds': float('nan')}": "nan as seconds",
        }
        evaluator = self.serve(f"return [{', '.join(given)}][candidate.id]", before="import itertools, numpy")
        for id, expected in enumerate(given.values()):
            evaluator.candidate(id)
            answer = evaluator.answer()
            self.assertEqual((answer["type"], answer["kind"]), ("failure", "failed"))
            self.assertIn(expected, answer["reason"])
        self.assertEqual(evaluator.text(), "")  # no traceback of this package

    def test_as_many_as_there_may_be(self) -> None:
        evaluator = self.serve(
            "return {'fitness': 1, 'values': [1] * 1000, 'loss': [2] * 1000,\n"
            "    'metrics': {chr(97 + i % 26) * (1 + i): i for i in range(64)}}"
        )
        evaluator.candidate(1)
        answer = evaluator.answer()
        lengths = [len(answer[name]) for name in ("values", "loss", "metrics")]
        self.assertEqual(lengths, [1000, 1000, 64])

    def test_a_trial_refuses_what_a_search_does(self) -> None:
        for given in ({"values": [1] * 1001}, {"metrics": {"fitness": 1}}):
            with self.assertRaisesRegex(ValueError, "more than 1000 values|the name 'fitness'"):
                hierevo.evaluate_once(lambda *_: {"fitness": 1, **given}, GENOTYPE)

    def test_not_a_number_is_divergence(self) -> None:
        evaluator = self.serve(
            "nan = float('nan')\n"
            "if candidate.id == 1: report(step=3, loss=nan)\n"
            "if candidate.id == 2: raise hierevo.Diverged('beyond all bounds')\n"
            "return {3: nan, 4: {'fitness': 1, 'loss': [1, float('inf')]}}[candidate.id]"
        )
        reasons = [
            "The loss is nan at step 3",
            "beyond all bounds",
            "fitness is nan",
            "loss is inf",
        ]
        for id, reason in enumerate(reasons, 1):
            evaluator.candidate(id)
            self.assertEqual(
                evaluator.receive(),
                {"type": "failure", "id": id, "kind": "diverged", "reason": reason},
            )


class Failures(EvaluatorTest):
    def test_an_exception_fails_the_candidate_only(self) -> None:
        evaluator = self.serve(
            "if candidate.id == 1: raise KeyError('x' * 5000)\n"
            "if candidate.id == 2: sys.exit('leaving')\n"
            "if candidate.id == 3: raise hierevo.Stopped\n"
            "return 1"
        )
        for id, reason in ((1, "KeyError: 'xxx"), (2, "SystemExit: leaving"), (3, "did not ask")):
            evaluator.candidate(id)
            answer = evaluator.answer()
            self.assertEqual((answer["id"], answer["kind"]), (id, "failed"))
            self.assertIn(reason, answer["reason"])
            self.assertLessEqual(len(answer["reason"]), 1000)
        evaluator.candidate(4)
        self.assertEqual(evaluator.answer()["fitness"], 1)
        self.assertIn("line 5, in evaluate\n    if candidate.id == 2", evaluator.text())

    def test_what_is_no_text_in_an_exception(self) -> None:
        evaluator = self.serve("raise OSError('half \\ud83d')")
        evaluator.candidate(1)
        self.assertEqual(evaluator.answer()["reason"], "OSError: half ?")

    def test_out_of_memory_frees_what_the_function_held(self) -> None:
        evaluator = self.serve(
            "held = Held()\n"
            "if candidate.id == 1: numpy.zeros(1 << 62, 'u1')\n"
            "if candidate.id == 2: raise RuntimeError('CUDA out of memory. Tried to allocate')\n"
            "if candidate.id == 3: raise OutOfMemoryError('CUDA error: out of memory')\n"
            "if candidate.id == 4:\n"
            "    try: held.inner(MemoryError())\n"
            "    except MemoryError as error: raise RuntimeError('DefaultCPUAllocator: '\n"
            '        "can\'t allocate memory: you tried to allocate 1 bytes") from error\n'
            "return Held.alive",
            before="import numpy\n"
            "class OutOfMemoryError(RuntimeError): pass\n"
            "class Held:\n"
            "    alive = 0\n"
            "    def __init__(self): Held.alive += 1; self.itself = self\n"
            "    def __del__(self): Held.alive -= 1\n"
            "    def inner(self, error): other = Held(); raise error",
        )
        for id in range(1, 5):
            evaluator.candidate(id)
            answer = evaluator.answer()
            self.assertEqual((answer["type"], answer["kind"]), ("failure", "out_of_memory"))
        evaluator.candidate(5)
        self.assertEqual(evaluator.answer()["fitness"], 1)  # its own

    def test_cuda_that_cannot_be_used_again_ends_the_process(self) -> None:
        evaluator = self.serve("raise RuntimeError('CUDA error: device-side assert triggered')")
        evaluator.candidate(1)
        self.assertIsNone(evaluator.receive())
        self.assertEqual(evaluator.end(), 1)
        self.assertIn("device-side assert", evaluator.text())


if __name__ == "__main__":
    unittest.main()
