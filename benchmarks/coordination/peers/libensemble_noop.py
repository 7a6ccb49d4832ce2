#!/usr/bin/env python3
"""libEnsemble, no-op evaluations: mpirun -n 3 libensemble_noop.py COUNT [generator|points]

A manager and two workers over MPI, as in a search of hierevo. Two float parameters.

  generator   a generator on the manager hands out points one by one, as results come back
  points      all points are there from the start (give_pregenerated_sim_work): nothing is searched

Prints µs of wall time per evaluation, of the whole call of libE().
"""
import json
import logging
import os
import sys
import tempfile
import time

import numpy
from libensemble.alloc_funcs.give_pregenerated_work import give_pregenerated_sim_work
from libensemble.alloc_funcs.start_only_persistent import only_persistent_gens
from libensemble.gen_funcs.persistent_sampling import persistent_uniform
from libensemble.libE import libE
from libensemble.tools import add_unique_random_streams
from mpi4py import MPI

WORKERS = MPI.COMM_WORLD.size - 1


def evaluation(points, _, sim_specs):
    values = numpy.zeros(len(points), dtype=sim_specs["out"])
    values["f"] = points["x"][:, 0]
    return values


def with_points(count):
    points = numpy.zeros(count, dtype=[("x", float, 2), ("sim_id", int), ("sim_started", bool)])
    points["x"] = numpy.random.default_rng(1).uniform(size=(count, 2))
    points["sim_id"] = range(count)
    return {"gen_specs": {}, "H0": points,
            "alloc_specs": {"alloc_f": give_pregenerated_sim_work, "out": []}}


def with_generator(_):
    return {"gen_specs": {"gen_f": persistent_uniform, "persis_in": ["f", "x", "sim_id"],
                          "out": [("x", float, 2)],
                          "user": {"initial_batch_size": WORKERS, "lb": numpy.zeros(2),
                                   "ub": numpy.ones(2)}},
            "alloc_specs": {"alloc_f": only_persistent_gens, "user": {"async_return": True}}}


def main():
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1])
    kind = with_points if sys.argv[2:] == ["points"] else with_generator
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        start = time.perf_counter()
        history, _, flag = libE(
            sim_specs={"sim_f": evaluation, "in": ["x"], "out": [("f", float)]},
            exit_criteria={"sim_max": count},
            persis_info=add_unique_random_streams({}, MPI.COMM_WORLD.size, seed=1),
            libE_specs={"comms": "mpi", "mpi_comm": MPI.COMM_WORLD, "disable_log_files": True,
                        "disable_resource_manager": True, "save_H_and_persis_on_abort": False,
                        "gen_on_manager": True}, **kind(count))
        passed = time.perf_counter() - start
        os.chdir("/")
    if MPI.COMM_WORLD.rank == 0:
        done = int(numpy.sum(history["sim_ended"]))
        assert flag == 0 and done >= count, f"{done} evaluations instead of {count}"
        print(json.dumps({"microseconds_per_evaluation": passed * 1e6 / done}))


if __name__ == "__main__":
    main()
