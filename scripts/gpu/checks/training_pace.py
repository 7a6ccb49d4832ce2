"""Speeds of trainings and of the steps alone, by the programs."""
from __future__ import annotations

import contextlib
import json
import shutil
import subprocess

from outcome import Failed


def pace(bench, genotype, *options, steps, batch, environment=None):
    """Images per second and the share of the time for data, over the second half of a training by hierevo train."""
    out = bench.folder / "pace"
    shutil.rmtree(out, ignore_errors=True)
    bench.hierevo("train", "--genotype", genotype, "--steps", steps, "--batch", batch, "--test-every", steps, "--out",
                  out, "--progress", "off", *options, environment=environment)
    lines = [json.loads(line) for line in (out / "repeat-1" / "log.jsonl").read_text().splitlines()]
    step = {line["step"]: line for line in lines if line["event"] == "step"}
    half = steps // 2
    seconds = step[steps]["seconds"] - step[half]["seconds"]
    # Shares are of all the time until then.
    data = step[steps]["data_share"] * step[steps]["seconds"] - step[half]["data_share"] * step[half]["seconds"]
    return (steps - half) * batch / seconds, max(0.0, data / seconds)


def steps_alone(bench, executor, genotype, *, steps, batch, crop, model=(), warm_up=5):
    """Images per second of forward pass, backward pass and SGD on noise, the share of that time until the host had
    issued all work, and the share in which the GPU was busy (None where that cannot be known)."""
    sampler = None
    command = [bench.program("benchmark_trainer"), executor, genotype, batch, crop, 1, *model]
    process = bench.processes.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env=bench.environment)
    try:
        ask(bench, process, warm_up)
        sampler = busy_sampler(bench) if executor.startswith("gpu") else None
        seconds, issued = ask(bench, process, steps)
    finally:
        busy = end_of(bench, sampler)
        bench.processes.kill(process)
    return steps * batch / seconds, issued / seconds, busy


def ask(bench, process, steps):
    """Seconds for so many steps, and those until the host had issued them."""
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    timer = bench.processes.kill_later(process)
    line = process.stdout.readline()
    timer.cancel()
    if not line:
        reason = process.stderr.read().strip().splitlines()
        bench.processes.check_time()
        raise Failed(f"benchmark_trainer: {reason[-1] if reason else 'it was killed'}")
    seconds, issued = map(float, line.split())
    return seconds, issued


def busy_sampler(bench):
    """nvidia-smi, which prints now and then for how much of the last moments a kernel ran; None without it."""
    with contextlib.suppress(OSError):
        return bench.processes.start(
            ["nvidia-smi", f"--id={bench.first_gpu['CUDA_VISIBLE_DEVICES']}", "--query-gpu=utilization.gpu",
             "--format=csv,noheader,nounits", "--loop-ms=100"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return None


def end_of(bench, sampler):
    """The mean of what it printed, as a share."""
    if sampler is None:
        return None
    sampler.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        output, _ = sampler.communicate(timeout=5)
        values = [float(line) for line in output.split() if line.replace(".", "").isdigit()]
        bench.processes.kill(sampler)
        # The first one may be of the time before.
        return sum(values[1:]) / len(values[1:]) / 100 if len(values) > 1 else None
    bench.processes.kill(sampler)
    return None
