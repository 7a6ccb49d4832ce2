#!/usr/bin/env python3
"""What an evaluation costs besides itself: no-op evaluations with two workers, side by side.

  coordination.py [--python VENV/bin/python …] [--rounds 3] [--sizes 1000 10000 100000]

Each round measures everything once, in turn, so that all see the same machine; the table has medians over
the rounds, with the smallest and the largest. Wall time, in µs per evaluation, of

  hierevo, process   `mpirun -n 3 hierevo search --evaluator synthetic`, journal on, evaluations in
                     processes of their own, as searches run
  hierevo, none      the same with --isolation none: evaluations in threads of the ranks
  hierevo, protocol  `--evaluator server` with a program of ten lines of Python (programs/): as process, and
                     besides to another process, in JSON, and back
  hierevo, serve     the same with a function given to hierevo.serve
  bare loop          blocking MPI messages of the same sizes and nothing else (bare_loop.cpp)
  bare evolution     the bare loop with hierevo's candidates and synthetic fitness: what a search must
                     compute in any case. hierevo is compared with it and with the bare loop
  Propulate, …       Python peers in their fast ways (peers/): how each is used is said at its top

A search of hierevo takes T(n) seconds (`elapsed_seconds` of `hierevo status`); the figure for n is
(T(base + n) - T(base)) / n, with --base evaluations (the starting population, 200), so that neither the
start of the program nor that of the evolution counts. `cpu` is the same for the CPU seconds of all
processes: it is the steadier one where the machine is busy with other things. (It says nothing about the
bare loops, since they spin.) Peers that are not installed are reported as absent. Those marked * do less
than a search across processes must: they evaluate in threads or coroutines of their one process, or are
given all points beforehand. Ratios are to the fastest of the others and to the fastest of all.

Prints the table and, as the last line, JSON. Exits with an error when anything went wrong: evaluations that
are missing, duplicated or failed.
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile

from measuring import HERE, add_options, check_finished, output_of, search_command, status_of

# name, module, script, further arguments, ranks under mpirun (0: none), whether it searches with workers
# that are processes
PEERS = (
    ("Propulate", "propulate", "propulate_noop.py", (), 2, True),
    ("libEnsemble, generator", "libensemble", "libensemble_noop.py", ("generator",), 3, True),
    ("libEnsemble, given points *", "libensemble", "libensemble_noop.py", ("points",), 3, False),
    ("Optuna, journal", "optuna", "optuna_noop.py", ("journal",), 0, True),
    ("DeepHyper, processes", "deephyper", "deephyper_noop.py", ("process",), 0, True),
    ("Optuna, threads *", "optuna", "optuna_noop.py", ("memory",), 0, False),
    ("DeepHyper, threads *", "deephyper", "deephyper_noop.py", ("thread",), 0, False),
    ("DeepHyper, coroutines *", "deephyper", "deephyper_noop.py", ("serial",), 0, False),
)


PROGRAMS = HERE / "programs"


def evaluations_by(options):
    """How evaluations are made, by name: options of the search."""
    found = {"process": ("--evaluator", "synthetic"),
             "none": ("--evaluator", "synthetic", "--isolation", "none")}
    package = HERE.parents[1] / "python" / "src"
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(package), *before])
    for name, module in ("protocol", "json"), ("serve", "hierevo"):
        python = python_with(module, [sys.executable, *options.python])
        if python:
            command = shlex.join([str(python), str(PROGRAMS / f"{name}_noop.py")])
            found[name] = ("--evaluator", "server", "--command", command)
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--python", action="append", default=[],
                        help="a Python that may have peers; may be given several times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10000, 100000])
    parser.add_argument("--base", type=int, default=200)
    parser.add_argument("--loop", type=int, default=20000, help="items of a bare loop")
    parser.add_argument("--peer-evaluations", type=int, default=2000)
    parser.add_argument("--no-peers", action="store_true")
    return parser.parse_args()


def python_with(module, pythons):
    for python in pythons:
        found = subprocess.run([python, "-c", f"import {module}, sys"], capture_output=True)
        if found.returncode == 0:
            return python
    return None


class Benchmark:
    def __init__(self, options):
        self.options = options
        self.values = {}  # name → µs per evaluation, one value per round
        self.cpu = {}
        self.evaluations_by = evaluations_by(options)
        self.absent = [] if "serve" in self.evaluations_by else ["hierevo, serve"]
        self.peers = []
        for peer in () if options.no_peers else PEERS:
            python = python_with(peer[1], [*options.python, sys.executable])
            if python:
                self.peers.append((python, *peer))
            else:
                self.absent.append(peer[0])

    def note(self, name, wall, cpu=None):
        self.values.setdefault(name, []).append(wall)
        if cpu is not None:
            self.cpu.setdefault(name, []).append(cpu)
        print(f"  {name}: {wall:.1f} µs", file=sys.stderr)

    def search(self, evaluations, evaluator):
        """Wall and CPU seconds of a search."""
        with tempfile.TemporaryDirectory(prefix="hierevo-coordination-") as folder:
            run = pathlib.Path(folder) / "run"
            _, cpu = output_of(search_command(self.options, run, evaluations, *evaluator))
            status = status_of(self.options, run)
        check_finished(status, evaluations)
        return status["elapsed_seconds"], cpu

    def searches(self):
        for name, evaluator in self.evaluations_by.items():
            base, base_cpu = self.search(self.options.base, evaluator)
            for size in self.options.sizes:
                wall, cpu = self.search(self.options.base + size, evaluator)
                self.note(f"hierevo, {name}, {size}", (wall - base) / size * 1e6,
                          (cpu - base_cpu) / size * 1e6)

    def loops(self):
        for kind, name in (("messages", "bare loop"), ("evolution", "bare evolution")):
            text, _ = output_of([*self.options.mpirun, "3", self.options.bin / "benchmark_bare_loop",
                                 self.options.loop, kind])
            self.note(name, json.loads(text)["microseconds_per_evaluation"])

    def run_peers(self):
        for python, name, _, script, more, ranks, _ in self.peers:
            launcher = [*self.options.mpirun, ranks] if ranks else []
            text, _ = output_of([*launcher, python, HERE / "peers" / script,
                                 self.options.peer_evaluations, *more])
            found = json.loads(text.strip().splitlines()[-1])
            self.note(name, found["microseconds_per_evaluation"])

    def run(self):
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}", file=sys.stderr)
            self.searches()
            self.loops()
            self.run_peers()

    def ratios(self):
        """Of medians: the targets are stated in these."""
        median = {name: statistics.median(values) for name, values in self.values.items()}
        searching = [median[peer[1]] for peer in self.peers if peer[6]]
        any_peer = [median[peer[1]] for peer in self.peers]
        smallest, largest = min(self.options.sizes), max(self.options.sizes)
        found = {}
        for name in self.evaluations_by:
            own = median[f"hierevo, {name}, {largest}"]
            found[f"{name}: by bare loop"] = own / median["bare loop"]
            found[f"{name}: by bare evolution"] = own / median["bare evolution"]
            found[f"{name}: {largest} by {smallest}"] = own / median[f"hierevo, {name}, {smallest}"]
            if searching:
                found[f"fastest peer without * by {name}"] = min(searching) / own
                found[f"fastest peer of all by {name}"] = min(any_peer) / own
        return found

    def table(self):
        yield "| no-op evaluations, 2 workers | µs each | least | most | cpu µs |"
        yield "|---|---|---|---|---|"
        for name, values in self.values.items():
            cpu = f"{statistics.median(self.cpu[name]):.1f}" if name in self.cpu else ""
            yield (f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} |"
                   f" {max(values):.1f} | {cpu} |")
        for name in self.absent:
            yield f"| {name} | absent | | | |"
        yield ""
        for name, ratio in self.ratios().items():
            yield f"{name}: {ratio:.2f}"


def main():
    benchmark = Benchmark(arguments())
    benchmark.run()
    print("\n".join(benchmark.table()))
    print(json.dumps({"microseconds_per_evaluation": benchmark.values,
                      "cpu_microseconds_per_evaluation": benchmark.cpu,
                      "absent": benchmark.absent, "ratios": benchmark.ratios()}))


if __name__ == "__main__":
    main()
