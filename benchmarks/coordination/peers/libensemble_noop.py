#!/usr/bin/env python3
"""libEnsemble, no-op evaluations: mpirun -n 3 libensemble_noop.py COUNT

A manager and two workers over MPI, as in a search of hierevo's. All points are there from the start
(give_pregenerated_sim_work), so that there is no generator to wait for: libEnsemble at its fastest. Prints
µs of wall time per evaluation, of the whole call of libE().
"""
import json
import logging
import os
import sys
import tempfile
import time

import numpy
from libensemble.alloc_funcs.give_pregenerated_work import give_pregenerated_sim_work
from libensemble.libE import libE
from libensemble.tools import add_unique_random_streams
from mpi4py import MPI


def evaluation(points, _, sim_specs):
    values = numpy.zeros(len(points), dtype=sim_specs["out"])
    values["f"] = points["x"][:, 0]
    return values


logging.disable(logging.CRITICAL)
count = int(sys.argv[1])
is_manager = MPI.COMM_WORLD.rank == 0
points = numpy.zeros(count, dtype=[("x", float, 2), ("sim_id", int), ("sim_started", bool)])
points["x"] = numpy.random.default_rng(1).uniform(size=(count, 2))
points["sim_id"] = range(count)
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    start = time.perf_counter()
    history, _, flag = libE(
        sim_specs={"sim_f": evaluation, "in": ["x"], "out": [("f", float)]}, gen_specs={},
        exit_criteria={"sim_max": count}, H0=points,
        persis_info=add_unique_random_streams({}, MPI.COMM_WORLD.size),
        alloc_specs={"alloc_f": give_pregenerated_sim_work, "out": []},
        libE_specs={"comms": "mpi", "mpi_comm": MPI.COMM_WORLD, "disable_log_files": True,
                    "disable_resource_manager": True, "save_H_and_persis_on_abort": False})
    passed = time.perf_counter() - start
    os.chdir("/")
if is_manager:
    assert flag == 0 and int(numpy.sum(history["sim_ended"])) == count, "not all were evaluated"
    print(json.dumps({"microseconds_per_evaluation": passed * 1e6 / count}))
