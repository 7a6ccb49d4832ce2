"""What the coordination benchmarks share: starting programs and asking how a search went."""
import json
import os
import pathlib
import resource
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LONGEST = 3600  # seconds for any program; reached only if one hangs


def add_options(parser):
    binaries = os.environ.get("HIEREVO_BIN", "build/release/bin")
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(binaries),
                        help="folder of the programs (%(default)s)")
    parser.add_argument("--mpirun", type=shlex.split,
                        default=os.environ.get("HIEREVO_MPIRUN",
                                               "mpirun --oversubscribe --bind-to none -n"),
                        help="how ranks are started, up to their number (%(default)s)")


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def output_of(command, **options):
    """Standard output, and the CPU seconds of all child processes."""
    before = cpu_seconds()
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=LONGEST, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stderr}")
    return result.stdout, cpu_seconds() - before


def search_command(options, run, evaluations, *more):
    return [*options.mpirun, "3", options.bin / "hierevo", "search", "--run", run,
            "--evaluations", evaluations, "--progress", "off", *more]


def status_of(options, run):
    return json.loads(output_of([options.bin / "hierevo", "status", "--run", run, "--json"])[0])


def check_finished(status, evaluations):
    found = status["evaluations"]
    right = (status["state"] == "finished" and found["done"] == evaluations
             and found["failed"] == 0 and found["in_flight"] == 0)
    if not right:
        sys.exit(f"The search did not do what it should have done: {status}")
