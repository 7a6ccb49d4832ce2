"""What the plugin costs a job without its options.

Pairs of `srun -n1 true` in one allocation of the tests' cluster, with and without the plugin's line
in plugstack.conf, the first of a pair by turns. For each run: the time until srun exits, and the
processor time of all processes of the cluster (srun, slurmstepd, the daemons), which other work on
the machine changes less. Prints JSON in milliseconds: the medians, and that of the differences
within pairs (with minus without) with its 95 % interval, from the order statistics.

usage: HIEREVO_SPANK=PLUGIN spank_cost.py PAIRS     as root, with control groups of version 1
"""
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CLUSTER = str(pathlib.Path(__file__).resolve().parent / "cluster")


class Clocks:
    """Of all processes in a control group, except this one's own work."""

    def __init__(self, group):
        self.usage = pathlib.Path(group) / "cpuacct.usage"

    def processor(self):
        return (int(self.usage.read_text()) - time.process_time_ns()) / 1e6

    def measure(self):
        began, used = time.perf_counter(), self.processor()
        subprocess.run(["srun", "-n1", "true"], check=True, stderr=subprocess.PIPE)
        wall = (time.perf_counter() - began) * 1e3
        while slurmstepds():  # the step's still has something to do
            time.sleep(0.02)
        return wall, self.processor() - used


def slurmstepds():
    names = (path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/comm"))
    return [name for name in names if name == "slurmstepd\n"]


def settings(folder, with_plugin):
    new = folder / "plugstack.conf.new"
    new.write_text(f"optional {folder}/hierevo_spank.so folder=/tmp/hierevo\n" if with_plugin
                   else "# without\n")
    new.rename(folder / "plugstack.conf")


def interval(values):
    values = sorted(values)
    rank = max(0, math.floor((len(values) - 1.96 * math.sqrt(len(values))) / 2) - 1)
    return [round(values[rank], 3), round(values[-1 - rank], 3)]


def summary(pairs, clock):
    with_plugin, without = ([run[side][clock] for run in pairs] for side in (True, False))
    differences = [a - b for a, b in zip(with_plugin, without)]
    return {"with": round(statistics.median(with_plugin), 3),
            "without": round(statistics.median(without), 3),
            "difference": round(statistics.median(differences), 3),
            "interval": interval(differences)}


def measure(folder, group, count):
    """In the allocation."""
    clocks = Clocks(group)
    pairs = []
    for i in range(-2, count):  # the first have to read everything from disk
        pair = {}
        for with_plugin in ((True, False) if i % 2 == 0 else (False, True)):
            settings(folder, with_plugin)
            pair[with_plugin] = clocks.measure()
        if i >= 0:
            pairs.append(pair)
    print(json.dumps({"pairs": count, "wall": summary(pairs, 0), "processor": summary(pairs, 1)}))


def main(count):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hierevo-slurm-"))
    group = pathlib.Path("/sys/fs/cgroup/cpuacct") / f"slurm_{folder.name}"  # cluster removes it
    try:
        if not os.access(group.parent, os.W_OK):
            sys.exit(77)
        group.mkdir()
        (group / "cgroup.procs").write_text(str(os.getpid()))
        shutil.copy(os.environ["HIEREVO_SPANK"], folder / "hierevo_spank.so")
        settings(folder, False)
        with subprocess.Popen([CLUSTER, "hold", folder], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            if holder.stdout.readline() != "ready\n":
                sys.exit(holder.wait())
            result = subprocess.run([CLUSTER, "run", folder, "salloc", "--quiet", "-n1",
                                     sys.executable, __file__, folder, group, str(count)])
            holder.stdin.close()
        if result.returncode != 0:
            sys.exit(1)
    finally:
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
        if group.exists():
            group.rmdir()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(int(sys.argv[1]))
    else:
        measure(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
