"""usage: pytorch_speed.py FOLDER JOB: images per second of training steps of Python modules in FOLDER that hierevo
export has written, in PyTorch. JOB is JSON. Prints a line of JSON for each measurement, as soon as it is made.

A step is what benchmark_trainer makes: forward pass, backward pass and SGD with momentum and weight decay on noise,
channels last. "eager" and "compiled" are in float32 without TF32, "... bf16" with autocast.
"""
from __future__ import annotations

import importlib
import json
import sys
import time

import torch


class Steps:
    def __init__(self, module, job, bf16):
        torch.manual_seed(1)
        self.device, self.bf16 = job["device"], bf16
        layout = {"device": self.device, "memory_format": torch.channels_last}
        self.network = importlib.import_module(module).Network().to(**layout)
        self.images = torch.randn(job["batch"], 3, job["crop"], job["crop"]).to(**layout)
        self.labels = torch.randint(10, (job["batch"],), device=self.device)
        self.sgd = torch.optim.SGD(self.network.parameters(), 0.01, 0.9, weight_decay=3e-4)
        self.compute = self.network

    def make(self, steps):
        """Seconds that so many steps took."""
        start = time.perf_counter()
        for _ in range(steps):
            self.sgd.zero_grad()
            with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
                loss = torch.nn.functional.cross_entropy(self.compute(self.images), self.labels)
            loss.backward()
            self.sgd.step()
        if not torch.isfinite(loss):  # waits for all steps
            raise RuntimeError("the loss is not finite")
        return time.perf_counter() - start


def measure(module, job, mode):
    steps = Steps(module, job, mode.endswith("bf16"))
    result = {"module": module, "mode": mode}
    try:
        if mode.startswith("compiled"):
            steps.compute = torch.compile(steps.network, mode="max-autotune")
        first = steps.make(3)  # compiles
        if mode.startswith("compiled"):
            result["compile_seconds"] = round(first, 1)
        steps.make(3)
        result["images_per_second"] = job["steps"] * job["batch"] / steps.make(job["steps"])
    except Exception as error:  # whatever a compiler raises; the other measurements follow
        result["error"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
    print(json.dumps(result), flush=True)


def main():
    folder, job = sys.argv[1], json.loads(sys.argv[2])
    sys.path.insert(0, folder)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    first, *others = job["modules"]
    for module in job["modules"]:
        measure(module, job, "eager")
    if job["device"] != "cuda":
        return
    measure(first, job, "eager bf16")
    for mode in ("compiled", "compiled bf16"):
        measure(first, job, mode)
    for module in others:
        measure(module, job, "compiled")


main()
