"""Which programs and devices these are."""
from __future__ import annotations

import platform
import re

from outcome import Failed, NotPossible, failed, not_possible, passed


def check(bench):
    """That the programs start, which GPUs there are, and whether the programs can compute on one."""
    version, _ = bench.hierevo("--version")
    facts = dict(re.findall(r"^(\w[\w ]*): *(.*)$", version, re.M))
    bench.facts.update({"host": platform.node(), "kernel": platform.release(), "hierevo": facts})
    bench.hierevo("train", "--help")  # as hierevo-train, with all its libraries
    yield passed("programs", f"commit {facts['commit']}, Torch {facts['Torch']}, CUDA {facts['CUDA']}, "
                 f"MPI {facts['MPI']}", **facts)
    try:
        for number, gpu in enumerate(bench.devices):
            yield passed(f"GPU {number}", f"{gpu['name']}, {gpu['memory_gib']} GiB, compute capability "
                         f"{gpu['compute_capability']}, driver for CUDA {bench.facts['driver']}", **gpu)
    except NotPossible as why:
        yield not_possible("GPU", str(why))
        return
    except Failed as why:
        yield failed("GPU", why)
        return
    code, _, errors = bench.run([bench.program("benchmark_trainer"), "gpu", bench.published, 8, 8, 1], input_text="1\n")
    if code != 0:
        yield failed("first step", errors.strip().splitlines()[-1] if errors.strip() else f"exit code {code}")
    else:
        yield passed("first step", "a network was trained for one step")
