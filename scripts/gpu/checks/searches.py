"""Searches: killed and resumed, with too little memory, and with several evaluators on a device."""
from __future__ import annotations

import json
import re
import signal
import subprocess

from outcome import Failed, failed, passed

CANDIDATES = 24
LARGE = ("--channels", 32, "--cells", 1, "--steps", 3, "--batch", 1024)  # takes some 10 GiB, in 16 parts under 1
LEFT_GIB = 6


def options(bench, run, evaluations, *more):
    return ["search", "--run", run, *bench.data, "--population", evaluations, "--evaluations", evaluations,
            "--repeats", 1, "--seed", 3, "--progress", "off", *more]


def status(bench, run):
    return json.loads(bench.hierevo("status", "--run", run, "--json")[0])


def killed_and_resumed(bench):
    """A search of 24 candidates is killed after some results; the same command finishes it, and it verifies."""
    command = options(bench, "killed", CANDIDATES, "--workers", 2, *bench.any_sizes.search, "--verbose")
    log = bench.folder / "killed.log"
    with open(log, "w") as messages:
        process = bench.processes.start([bench.program("hierevo"), *command], env=bench.environment, cwd=bench.folder,
                                        stdout=subprocess.DEVNULL, stderr=messages)
        try:
            if not bench.processes.wait_until(lambda: len(results_in(log)) >= 6, process):
                raise Failed(f"the search ended by itself: {log.read_text().strip()[-300:]}")
            process.send_signal(signal.SIGKILL)
        finally:
            bench.processes.kill(process)
    before = len(results_in(log))
    bench.hierevo(*command)
    told = bench.hierevo("verify", "--run", "killed")[0].strip()
    after = status(bench, "killed")
    done, lost = after["evaluations"]["done"], after["evaluations"]["failed"]
    if after["state"] != "finished" or done != CANDIDATES or lost:
        raise Failed(f"{done} of {CANDIDATES} evaluations are done, {lost} failed; the search is {after['state']}")
    where = after["ranks"][0]["place"] if after["ranks"] else "?"
    yield passed("", f"killed after {before} of {CANDIDATES} results, resumed, on {where}; {told.splitlines()[-1]}",
                 killed_after=before)


def results_in(log):
    return re.findall(r"Candidate \d+: evaluated", log.read_text())


def too_little_memory(bench):
    """Where most of the GPU's memory is taken, a candidate that does not fit is retried with smaller micro-batches."""
    bench.devices  # noqa: B018 (raises where there is none)
    holder = bench.processes.start(["python3", bench.bundle / "checks" / "cuda_driver.py", "hold", LEFT_GIB],
                                   env=bench.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
    timer = bench.processes.kill_later(holder)
    try:
        if holder.stdout.readline().strip() != "held":
            raise Failed(f"the GPU's memory could not be taken: {holder.stderr.read().strip()[-200:]}")
        _, messages = bench.hierevo(
            *options(bench, "narrow", 2, "--workers", 1, "--max-training-memory", 1000, "--train-size", 4000,
                     "--validation-size", 500, *LARGE, "--verbose"), environment=bench.first_gpu)
    finally:
        timer.cancel()
        bench.processes.kill(holder)
    after = status(bench, "narrow")
    retries = re.findall(r"tried again with micro-batches cut into (\d+) parts", messages)
    if after["evaluations"]["failed"]:
        raise Failed(f"{after['evaluations']['failed']} candidates failed: {after['failures']}")
    if not retries:
        raise Failed(f"no candidate ran out of memory with {LEFT_GIB} GiB left: this checks nothing")
    yield passed("", f"with {LEFT_GIB} GiB left, {len(retries)} retries, up to {max(map(int, retries))} parts; "
                 "all candidates were evaluated", retries=len(retries))


def several_evaluators(bench):
    """Candidates per hour of 1, 2, 4 and 8 evaluators on the first GPU, all with the same sixteen candidates."""
    sizes = bench.sizes
    first = None
    for count in sizes.evaluators:
        run = f"evaluators-{count}"
        try:
            _, messages = bench.hierevo(
                *options(bench, run, 16, "--workers", count, *sizes.search, "--verbose"),
                environment=bench.first_gpu if sizes.executor == "gpu" else None)
        except Failed as why:
            yield failed(f"{count} evaluators", why)
            continue
        after = status(bench, run)
        seconds = [float(one) for one in re.findall(r"Candidate \d+: evaluated, fitness \S+, ([\d.]+) s", messages)]
        if len(seconds) != 16:
            yield failed(f"{count} evaluators", f"{len(seconds)} of 16 candidates were evaluated: {after['failures']}")
            continue
        rate = 3600 * count * len(seconds) / sum(seconds)
        first = first or rate
        yield passed(f"{count} evaluators", f"{rate:,.0f} candidates/h, {rate / first:.2f}× one; busy "
                     f"{after['utilisation']:.0%} of the time", candidates_per_hour=rate, seconds=sum(seconds))
