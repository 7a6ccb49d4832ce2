#!/usr/bin/env python3
"""A data-parallel step at several ranks: hierevo beside PyTorch's DistributedDataParallel with gloo.

A step is forward and backward pass over each rank's part of a batch, the sum of the gradients over the
ranks and SGD with momentum and weight decay, in float32, of the published cell in a CIFAR model. Both have
buckets of 25 MB, and as many threads a rank. They take turns, a few steps each, in every round, and the one
whose turn it is not does nothing; a number is the median over the rounds, and the ratio that of the ratios
within each round. `waited` is the share of hierevo's step in which it waited for communication, and
`hidden` the share of the time that summing the gradients takes alone that was not waited for. Prints one
line of JSON.
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "genotypes" / "published.json"


class Ranks:
    """rank.cpp under mpirun."""

    def __init__(self, options):
        self.process = subprocess.Popen(
            [*shlex.split(options.mpirun), str(options.ranks), options.program, PUBLISHED,
             options.model, str(options.batch), str(options.crop), str(options.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.warm = False

    def seconds(self, steps):
        """Seconds of the steps, of waiting, and of summing alone."""
        if not self.warm:
            self.ask(1)  # the first step of a training counts in no turn
            self.warm = True
        self.ask(steps)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the ranks ended")
        return tuple(map(float, line.split()))

    def ask(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Peers:
    """This program again, as each rank of PyTorch."""

    def __init__(self, options):
        self.processes = []
        for rank in range(options.ranks):
            environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(options.port),
                           "RANK": str(rank), "WORLD_SIZE": str(options.ranks)}
            self.processes.append(subprocess.Popen(
                [sys.executable, __file__, *sys.argv[1:], "--as-peer"], env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for process in self.processes:
            if process.stdout.readline() != "ready\n":
                raise SystemExit("PyTorch's ranks did not start")

    def seconds(self, steps):
        for process in self.processes:
            process.stdin.write(f"{steps}\n")
            process.stdin.flush()
        lines = [process.stdout.readline() for process in self.processes]
        if not all(lines):
            raise SystemExit("PyTorch's ranks ended")
        return (max(map(float, lines)),)

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            process.wait()


def be_peer(options):
    """The network in plain PyTorch, taken from the tests, so that it is known to be the same."""
    sys.path.insert(0, str(ROOT / "tests" / "nn" / "parity"))
    import torch
    from network import Genotype, Network
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    torch.distributed.init_process_group("gloo")
    cell = Genotype(json.loads(PUBLISHED.read_text()))
    numbers = {"cifar-small": (16, 1), "cifar-large": (64, 2)}[options.model]
    network = Network(cell, options.model, *numbers, 3, 10).to(memory_format=torch.channels_last)
    parallel = torch.nn.parallel.DistributedDataParallel(network, bucket_cap_mb=25,
                                                         gradient_as_bucket_view=True)
    batch = options.batch // options.ranks
    images = torch.randn(batch, 3, options.crop, options.crop).contiguous(
        memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))
    sgd = torch.optim.SGD(parallel.parameters(), 0.01, 0.9, weight_decay=3e-4)
    print("ready", flush=True)
    for line in sys.stdin:
        torch.distributed.barrier()
        start = time.perf_counter()
        for _ in range(int(line)):
            sgd.zero_grad(set_to_none=False)
            torch.nn.functional.cross_entropy(parallel(images), labels).backward()
            sgd.step()
        print(time.perf_counter() - start, flush=True)


def compared(options):
    ranks, peers = Ranks(options), None if options.no_peer else Peers(options)
    own, theirs = [], []
    for number in range(options.rounds + 1):
        turns = ranks.seconds(options.steps), peers.seconds(options.steps) if peers else None
        if number > 0:  # the first one warms up
            own.append(turns[0])
            theirs.append(turns[1])
    ranks.close()
    result = {"ranks": options.ranks, "model": options.model, "batch": options.batch,
              "crop": options.crop, "threads": options.threads,
              "step_ms": round(1000 * statistics.median(turn[0] for turn in own) / options.steps, 1),
              "waited": round(statistics.median(turn[1] / turn[0] for turn in own), 4),
              "sum_alone_ms": round(1000 * statistics.median(turn[2] for turn in own) / options.steps,
                                    2),
              "hidden": round(statistics.median(max(0, 1 - turn[1] / turn[2]) for turn in own), 3)}
    if peers:
        peers.close()
        result["pytorch_step_ms"] = round(
            1000 * statistics.median(turn[0] for turn in theirs) / options.steps, 1)
        ratios = [other[0] / turn[0] for turn, other in zip(own, theirs)]
        result["times_as_fast"] = round(statistics.median(ratios), 2)
        result["least_and_most"] = [round(min(ratios), 2), round(max(ratios), 2)]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the program benchmark_rank")
    parser.add_argument("--mpirun", default="mpirun --oversubscribe --bind-to none -n")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--model", default="cifar-small", choices=["cifar-small", "cifar-large"])
    parser.add_argument("--batch", type=int, default=64, help="over all ranks")
    parser.add_argument("--crop", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1, help="of each rank")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="a turn")
    parser.add_argument("--port", type=int, default=29517, help="of PyTorch's rank 0")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_peer:
        be_peer(options)
    else:
        print(json.dumps(compared(options)))


if __name__ == "__main__":
    main()
