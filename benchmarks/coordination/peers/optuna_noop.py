#!/usr/bin/env python3
"""Optuna, no-op evaluations: optuna_noop.py COUNT [memory|journal]

Two float parameters, random sampling (its fastest). `memory`: two threads, nothing is stored, and nothing
leaves the process. `journal`: two processes that share a journal file, Optuna's way of having workers in
separate processes and losing nothing. Prints µs of wall time per evaluation, without the start of the
processes.
"""
import json
import multiprocessing
import pathlib
import sys
import tempfile
import time

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

WORKERS = 2


def evaluation(trial):
    return trial.suggest_float("x", 0.0, 1.0) + trial.suggest_float("y", 0.0, 1.0)


def sampler():
    return optuna.samplers.RandomSampler(seed=1)


def parallel_for(count):
    study = optuna.create_study(sampler=sampler())
    start = time.perf_counter()
    study.optimize(evaluation, n_trials=count, n_jobs=WORKERS)
    return time.perf_counter() - start, len(study.trials)


def work(path, count, ready):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="noop", sampler=optuna.samplers.RandomSampler(),
                              storage=JournalStorage(JournalFileBackend(path)))
    ready.wait()
    study.optimize(evaluation, n_trials=count)


def in_processes(count):
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "journal")
        storage = JournalStorage(JournalFileBackend(path))
        study = optuna.create_study(study_name="noop", storage=storage)
        ready = multiprocessing.Barrier(WORKERS + 1)
        workers = [multiprocessing.Process(target=work, args=(path, count // WORKERS, ready))
                   for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        ready.wait()
        start = time.perf_counter()
        for worker in workers:
            worker.join()
        return time.perf_counter() - start, len(study.trials)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wanted = int(sys.argv[1])
    run = in_processes if sys.argv[2:] == ["journal"] else parallel_for
    passed, done = run(wanted)
    assert done == wanted // WORKERS * WORKERS, f"{done} evaluations instead of {wanted}"
    print(json.dumps({"microseconds_per_evaluation": passed * 1e6 / done}))
