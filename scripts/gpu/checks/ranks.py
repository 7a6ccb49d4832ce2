"""Several ranks on this node: under mpirun on the CPU, and with NCCL on as many GPUs as there are."""
from __future__ import annotations

import json
import shutil

from outcome import Failed, NotPossible, failed, not_possible, passed


def launcher(bench, count):
    mpirun = shutil.which("mpirun", path=bench.environment["PATH"])
    if not mpirun:
        raise NotPossible("there is no mpirun")
    return [mpirun, "--oversubscribe", "--bind-to", "none", "-n", count]


def train(bench, out, count, *options, environment=None):
    """The result of a training by so many ranks."""
    bench.hierevo("train", "--genotype", bench.published, *bench.data, "--channels", 4, "--crop", 8, "--batch", 64,
                  "--steps", 20, "--out", out, "--progress", "off", *options, environment=environment,
                  launcher=launcher(bench, count))
    return json.loads((bench.folder / out / "result.json").read_text())["repeats"][0]


def check(bench):
    try:
        on_cpu = train(bench, "two-ranks", 2, environment={"CUDA_VISIBLE_DEVICES": ""})
        yield passed("mpirun, 2 ranks on the CPU", f"20 steps, loss {on_cpu['loss']:.4f}", loss=on_cpu["loss"])
    except NotPossible as why:
        yield not_possible("mpirun, 2 ranks on the CPU", str(why))
    except Failed as why:
        yield failed("mpirun, 2 ranks on the CPU", why)
    try:
        count = len(bench.devices)
        if count < 2:
            raise NotPossible("one GPU: NCCL between ranks requires two")
        result = train(bench, "nccl", count)
        if result["ranks"] != count:
            raise Failed(f"{result['ranks']} ranks trained, not {count}")
        yield passed("NCCL", f"{count} ranks on {count} GPUs, {result['images_per_second']:,.0f} images/s, "
                     f"{result['communication_share']:.0%} of the time for communication", ranks=count,
                     images_per_second=result["images_per_second"], communication_share=result["communication_share"])
    except NotPossible as why:
        yield not_possible("NCCL", str(why))
    except Failed as why:
        yield failed("NCCL", why)
