"""Images per second: hierevo's executors, and the same networks in Python's PyTorch."""
from __future__ import annotations

import contextlib
import json
import subprocess

import training_pace
from outcome import Failed, NotPossible, failed, not_possible, passed
from processes import TimeUp

NO_TIME = "not measured: the check's time was over (--only, --minutes)"


def ours(bench):
    """Steps alone on noise, eager and with --bf16; and trainings with CUDA graphs, augmentation included."""
    sizes = bench.sizes
    for name, genotype in bench.random_genotypes().items():
        try:
            bench.processes.check_time()
            yield of_network(bench, sizes, name, genotype)
        except Failed as why:
            yield failed(name, why)
        except TimeUp:
            if name == "published":
                raise
            yield not_possible(name, NO_TIME)


def of_network(bench, sizes, name, genotype):
    alone = {"steps": sizes.steps, "batch": sizes.batch, "crop": sizes.crop}
    eager, host, busy = training_pace.steps_alone(bench, sizes.executor, genotype, **alone)
    numbers = {"eager": eager, "eager_host_share": host}
    text = f"eager {eager:,.0f} images/s (host issuing {host:.0%} of the time{busy_text(busy)})"
    if busy is not None:
        numbers["eager_busy_share"] = busy
    if sizes.executor == "gpu":
        numbers["bf16"], _, _ = training_pace.steps_alone(bench, "gpu-bf16", genotype, **alone)
        text += f", bf16 {numbers['bf16']:,.0f}"
    for key, options in trainings(bench, sizes, name):
        numbers[key], share = training_pace.pace(
            bench, genotype, *bench.data, "--channels", 16, "--crop", sizes.crop, *options,
            steps=2 * sizes.steps, batch=sizes.batch)
        text += f", {key.replace('_', ' ')} {numbers[key]:,.0f} ({share:.0%} for data)"
    bench.found.setdefault("ours", {})[name] = numbers
    if name == "published" and not bench.knows("--cuda-graphs"):
        text += "; CUDA graphs: this hierevo has none"
    return passed(name, text, **numbers)


def trainings(bench, sizes, name):
    """What hierevo train is measured with: more of it for the published cell."""
    if name == "published":
        yield "training", ("--cuda-graphs", "off") if bench.knows("--cuda-graphs") else ()
    if sizes.executor != "gpu" or not bench.knows("--cuda-graphs"):
        return
    yield "training_with_graphs", ("--cuda-graphs", "on")
    if name == "published":
        yield "training_with_graphs_bf16", ("--cuda-graphs", "on", "--bf16")
        if bench.knows("--tf32"):
            yield "training_with_graphs_tf32", ("--cuda-graphs", "on", "--tf32")


def busy_text(busy):
    return "" if busy is None else f", GPU busy {busy:.0%} by nvidia-smi"


def pytorch(bench):
    """The same networks as Python modules that hierevo export writes, as far as the time allows: all eager first,
    then compiled ones."""
    sizes = bench.sizes
    python = bench.torch_python
    names = {}
    for number, (name, genotype) in enumerate(bench.random_genotypes().items()):
        module = bench.folder / f"network_{number}.py"
        bench.hierevo("export", "--format", "pytorch", "--genotype", genotype, "--out", module)
        names[module.stem] = name
    job = {"modules": list(names), "batch": sizes.batch, "crop": sizes.crop, "steps": sizes.steps,
           "device": "cuda" if sizes.executor == "gpu" else "cpu"}
    # What is compiled goes with the folder.
    caches = {name: str(bench.folder / "compiled") for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")}
    # Files, not pipes: compilers write much, and leave processes that would keep a pipe open.
    output, errors = bench.folder / "pytorch.jsonl", bench.folder / "pytorch.log"
    with open(output, "w") as stdout, open(errors, "w") as stderr:
        process = bench.processes.start(
            [python, bench.bundle / "checks" / "pytorch_speed.py", bench.folder, json.dumps(job)],
            env={**bench.environment, **caches}, cwd=bench.folder, stdout=stdout, stderr=stderr)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):  # what was measured until then counts
            process.wait(bench.processes.left())
        code = process.poll()
    finally:
        bench.processes.kill(process)
    measured = measurements(output, names)
    if code and not measured:
        reason = (errors.read_text().strip().splitlines() or [f"Python exited with {code}"])[-1]
        raise (NotPossible if reason.startswith("ModuleNotFoundError") else Failed)(reason)
    yield from compared(bench, names.values(), measured)


def measurements(output, names):
    """By network and mode; of a line that was not finished nothing."""
    measured = {}
    for line in output.read_text().splitlines(keepends=True):
        if line.startswith("{") and line.endswith("\n"):
            one = json.loads(line)
            measured.setdefault(names[one.pop("module")], {})[one.pop("mode")] = one
    return measured


def compared(bench, names, measured):
    for name in names:
        modes = measured.get(name, {})
        if not modes:
            yield not_possible(name, NO_TIME)
            continue
        problems = [f"{mode}: {one['error']}" for mode, one in modes.items() if "error" in one]
        rates = {mode: one["images_per_second"] for mode, one in modes.items() if "error" not in one}
        if "eager" not in rates:
            yield failed(name, "; ".join(problems))
            continue
        text = ", ".join(f"{mode} {rate:,.0f} images/s" + compile_text(modes[mode]) for mode, rate in rates.items())
        text += beside(bench.found.get("ours", {}).get(name, {}), rates)
        yield passed(name, "; ".join([text, *problems]), **rates)


def beside(own, rates):
    """How hierevo's best compares, in float32 and with what is rounded more."""
    if not own:
        return ""
    exact = [rate for key, rate in own.items() if not key.endswith(("share", "bf16", "tf32"))]
    best = [rate for key, rate in own.items() if not key.endswith("share")]
    return (f"; hierevo's best in float32 is {max(exact) / rates['eager']:.2f}× eager, of all "
            f"{max(best) / max(rates.values()):.2f}× PyTorch's best")


def compile_text(one):
    return f" (compiled in {one['compile_seconds']:.0f} s)" if one.get("compile_seconds") else ""


