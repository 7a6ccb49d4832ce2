#!/usr/bin/env python3
"""DeepHyper, no-op evaluations: deephyper_noop.py COUNT [serial|thread|process]

Two float parameters, random search, two workers: coroutines, threads or processes. Prints µs of wall
time per evaluation, of the whole call of search().
"""
import json
import logging
import os
import sys
import tempfile
import time

from deephyper.evaluator import Evaluator
from deephyper.hpo import HpProblem, RandomSearch


def evaluation(job):
    return job.parameters["x"]


async def evaluation_in_turn(job):
    return job.parameters["x"]


def main():
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1])
    method = sys.argv[2] if len(sys.argv) > 2 else "process"
    problem = HpProblem()
    problem.add((0.0, 1.0), "x")
    problem.add((0.0, 1.0), "y")
    function = evaluation_in_turn if method == "serial" else evaluation
    evaluator = Evaluator.create(function, method=method, method_kwargs={"num_workers": 2})
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        search = RandomSearch(problem, random_state=1, log_dir=folder)
        start = time.perf_counter()
        found = search.search(evaluator, max_evals=count)
        passed = time.perf_counter() - start
        os.chdir("/")
    assert len(found) >= count, f"{len(found)} evaluations instead of {count}"
    print(json.dumps({"microseconds_per_evaluation": passed * 1e6 / len(found)}))


if __name__ == "__main__":
    main()
