#!/usr/bin/env python3
"""Images per second in training: the native executor beside the Torch executor and, where this Python
has torch, eager PyTorch (channels last) with the same network.

A step is forward pass, backward pass and SGD with momentum and weight decay, in float32, of the published
cell in the small CIFAR model. All take turns, a few steps each, in every round; a number is the median over
the rounds, and a ratio that of the ratios within each round, so that other load on the machine affects all
alike. Prints one line of JSON.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "genotypes" / "published.json"


class Program:
    """trainer.cpp with one executor."""

    def __init__(self, program, executor, options):
        self.process = subprocess.Popen(
            [program, executor, PUBLISHED, str(options.batch), str(options.crop),
             str(options.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the trainer ended")
        return float(line.split()[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Eager:
    """The network in plain PyTorch, taken from the tests, so that it is known to be the same."""

    def __init__(self, options):
        sys.path.insert(0, str(ROOT / "tests" / "nn" / "parity"))
        import torch
        from network import Genotype, Network
        self.torch = torch
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        self.network = Network(Genotype(json.loads(PUBLISHED.read_text())), "cifar-small", 16, 1, 3,
                               10).to(memory_format=torch.channels_last)
        self.images = torch.randn(options.batch, 3, options.crop, options.crop).contiguous(
            memory_format=torch.channels_last)
        self.labels = torch.randint(10, (options.batch,))
        self.sgd = torch.optim.SGD(self.network.parameters(), 0.01, 0.9, weight_decay=3e-4)

    def seconds(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            self.sgd.zero_grad()
            loss = self.torch.nn.functional.cross_entropy(self.network(self.images), self.labels)
            loss.backward()
            self.sgd.step()
        return time.perf_counter() - start

    def close(self):
        pass


def contestants(options):
    programs = {name: Program(options.trainer, name, options) for name in options.executors}
    if not options.no_peer:
        try:
            programs["pytorch"] = Eager(options)
        except ImportError:
            print("this Python has no torch: no peer", file=sys.stderr)
    return programs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainer", required=True, help="the program benchmark_trainer")
    parser.add_argument("--executors", nargs="+", default=["native", "torch"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--crop", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=1, help="a turn")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()

    programs = contestants(options)
    seconds = {name: [] for name in programs}
    for number in range(options.rounds + 1):
        for name, program in programs.items():
            taken = program.seconds(options.steps)
            if number > 0:  # the first one warms up
                seconds[name].append(taken)
    for program in programs.values():
        program.close()
    images = options.batch * options.steps
    native = seconds[options.executors[0]]
    print(json.dumps({
        "batch": options.batch, "crop": options.crop, "threads": options.threads,
        "images_per_second": {name: round(statistics.median(images / taken for taken in all_taken),
                                          1) for name, all_taken in seconds.items()},
        f"times_as_fast_{options.executors[0]}": {
            name: round(statistics.median(other / own for other, own in zip(all_taken, native)), 3)
            for name, all_taken in seconds.items() if name != options.executors[0]}}))


if __name__ == "__main__":
    main()
