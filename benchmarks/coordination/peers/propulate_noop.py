#!/usr/bin/env python3
"""Propulate, no-op evaluations: mpirun -n 2 propulate_noop.py COUNT

Propulate has no manager: each rank breeds, evaluates and sends results to the others. Two float
parameters, the default propagator, its checkpoint only on exit. Prints µs of wall time per evaluation
of all ranks together, from the first to the last.
"""
import json
import logging
import pathlib
import random
import sys
import tempfile
import time

from mpi4py import MPI
from propulate import Propulator
from propulate.utils import get_default_propagator

comm = MPI.COMM_WORLD
count = int(sys.argv[1])
logging.disable(logging.CRITICAL)
chance = random.Random(1 + comm.rank)
with tempfile.TemporaryDirectory() as folder:
    propulator = Propulator(
        loss_fn=lambda individual: individual["x"],
        propagator=get_default_propagator(pop_size=200, limits={"x": (0.0, 1.0), "y": (0.0, 1.0)},
                                          rng=chance),
        rng=chance, island_comm=comm, propulate_comm=comm, generations=count // comm.size,
        checkpoint_path=pathlib.Path(folder))
    comm.Barrier()
    start = time.perf_counter()
    propulator.propulate(logging_interval=count, debug=0)
    comm.Barrier()
    passed = time.perf_counter() - start
done = len(propulator.population)
if comm.rank == 0:
    assert done == count // comm.size * comm.size, f"{done} evaluations instead of {count}"
    print(json.dumps({"microseconds_per_evaluation": passed * 1e6 / done}))
