#!/usr/bin/env python3
"""What the processes of a search use while all evaluators are busy.

  idle_master.py [--seconds 60] [--synthetic-ms 2000]

Two workers, evaluations that sleep for 2 s, so that only waiting and coordination use CPU time. From the
moment when both evaluators are there, for --seconds: user and system time from /proc/PID/stat (ticks of 10
ms) by wall time, in per cent of a core, of rank 0, of the other ranks, of the processes that start
evaluators (supervisors) and of the evaluators. Prints JSON; exits with an error when the search was not as
it should be.
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from measuring import LONGEST, add_options, search_command, status_of

def stat_of(pid):
    """State, parent and CPU seconds of a process; nothing where there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2:].split()
    return {"parent": int(fields[1]),
            "cpu": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")}


def processes():
    found = {int(name): stat_of(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: stat for pid, stat in found.items() if stat}


def rank_of(pid):
    entries = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    names = (b"OMPI_COMM_WORLD_RANK=", b"PMIX_RANK=", b"PMI_RANK=")
    for name in names:
        for entry in entries:
            if entry.startswith(name):
                return int(entry[len(name):])
    return None


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def is_evaluator(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:2] == [b"evaluator"]
    except OSError:
        return False


def roles(launcher):
    """pid → role, of the processes of the search that `launcher` started."""
    known = processes()
    depth = {launcher: 0}
    while True:
        more = {pid: depth[stat["parent"]] + 1 for pid, stat in known.items()
                if pid not in depth and stat["parent"] in depth}
        if not more:
            break
        depth.update(more)
    ours = [pid for pid in depth if program_of(pid) == "hierevo-search"]
    if not ours:
        return {}
    top = min(depth[pid] for pid in ours)
    found = {}
    for pid in ours:
        if is_evaluator(pid):
            found[pid] = "evaluators"
        elif depth[pid] > top:
            found[pid] = "supervisors"
        else:
            found[pid] = "rank 0" if rank_of(pid) == 0 else "worker ranks"
    return found


def wait_until(holds, process):
    end = time.monotonic() + LONGEST
    while not holds():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit("idle_master.py: the search did not get that far")
        time.sleep(0.05)


def measure(process, run, options):
    wait_until(lambda: list(roles(process.pid).values()).count("evaluators") == 2
               and (run / "search.h5").exists()
               and status_of(options, run)["evaluations"]["in_flight"] == 2, process)
    members = roles(process.pid)
    before = {pid: stat_of(pid)["cpu"] for pid in members}
    start = time.monotonic()
    time.sleep(options.seconds)  # the measured time
    after = {pid: stat_of(pid)["cpu"] for pid in members}
    passed = time.monotonic() - start
    shares = {}
    for pid, role in members.items():
        shares.setdefault(role, []).append(round((after[pid] - before[pid]) / passed * 100, 3))
    return {"seconds": passed, "per_cent_of_a_core": shares}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--synthetic-ms", type=float, default=2000.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hierevo-idle-") as folder:
        run = pathlib.Path(folder) / "run"
        command = search_command(options, run, 1_000_000, "--evaluator", "synthetic",
                                 "--synthetic-ms", options.synthetic_ms)
        with open(pathlib.Path(folder) / "log", "w+") as log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)
            try:
                found = measure(process, run, options)
            finally:
                process.send_signal(signal.SIGUSR2)
                process.wait(LONGEST)
        status = status_of(options, run)
    if status["state"] != "saved" or status["evaluations"]["failed"] > 0:
        sys.exit(f"The search did not end as it should have: {status}")
    found["evaluations"] = status["evaluations"]["done"]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
