#!/usr/bin/env python3
"""The paper's comparison of searches (Table 1, Figures 3 and 4) on a small scale.

For each space (flat, hierarchical) and seed: one random cell, a random search and an evolution, both with
the same number of evaluations; then each chosen cell is trained longer and tested. Results are reported
with their spread, whatever they are. Run again, it resumes where it was stopped.

  study.py --out DIR [--dataset cifar10 --data-dir FOLDER] [--seeds 3] [--evaluations 30]

DIR gets study.json (every number), table.md (mean, standard deviation and 95 % interval of the test
error beside the paper's Table 1), figure3.csv (fitness, best fitness so far and parameters along each
search) and figure4.csv (gain in test accuracy of the best cells of each evolution over its first one,
small and larger network). Python's standard library and h5py are all it needs.
"""

import argparse
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

import h5py

HERE = pathlib.Path(__file__).resolve().parent
SPACES = ("flat", "hierarchical")
METHODS = ("random", "random search", "evolution")
# CIFAR-10 error in per cent, large network and full protocol (Table 1, where only the last was checked
# against other sources).
PAPER = {("flat", "random"): "4.56 ± 0.11", ("flat", "random search"): "4.02 ± 0.11",
         ("flat", "evolution"): "3.92 ± 0.06", ("hierarchical", "random"): "4.21 ± 0.11",
         ("hierarchical", "random search"): "4.04 ± 0.2", ("hierarchical", "evolution"): "3.75 ± 0.12"}
# Two-sided 95 % points of Student's t for 1, 2, … degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--hierevo", default="build/release/bin/hierevo", help="the program")
    parser.add_argument("--mpirun",
                        default=f"mpirun --oversubscribe --bind-to none -n {os.cpu_count() + 1}",
                        help="how a search is started; empty: in one process")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--figure4-points", type=int, default=4,
                        help="best cells so far that are trained for figure 4; 0: none")
    parser.add_argument("--search-options", default="", help="more options of `hierevo search`")
    parser.add_argument("--final-options", default="", help="more options of `hierevo train`")
    return parser.parse_args()


class Study:
    def __init__(self, options):
        self.options = options
        self.data = ["--dataset", options.dataset]
        if options.data_dir:
            self.data += ["--data-dir", options.data_dir]
        options.out.mkdir(parents=True, exist_ok=True)

    def run(self, *command):
        """Standard output of a command; any failure ends the study, and the same command resumes it."""
        result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            sys.exit(f"study: {' '.join(map(str, command))} ended with {result.returncode}")
        return result.stdout

    def search(self, space, algorithm, seed):
        """The folder of a finished search."""
        folder = self.options.out / f"{space}-{algorithm}-{seed}"
        self.run(*self.options.mpirun.split(), self.options.hierevo, "search", "--run", folder,
                 "--config", HERE / "search.ini", "--space", space, "--algorithm", algorithm,
                 "--seed", seed, "--evaluations", self.options.evaluations, "--progress", "lines",
                 *self.data, *self.options.search_options.split())
        return folder

    def train(self, folder, individual, size="small"):
        """The result of an individual's final training, in the small or the larger network."""
        larger = ["--channels", "16"] if size == "larger" else []
        out = folder / f"final-{individual}-{size}"
        return json.loads(self.run(self.options.hierevo, "train", "--run", folder, "--id", individual,
                                   "--out", out, "--config", HERE / "final.ini", "--progress", "off",
                                   *self.data, *larger, *self.options.final_options.split()))


def history(folder):
    """Individuals in the order in which their results came."""
    with h5py.File(folder / "search.h5") as run:
        group = run["individuals"]
        columns = [group[name][:] for name in ("id", "fitness", "parameters", "status", "seconds")]
    return [{"id": int(i), "fitness": float(f), "parameters": int(p), "trained": int(status) == 0,
             "seconds": float(s)}
            for i, f, p, status, s in zip(*columns)]


def best(individuals):
    return max(individuals, key=lambda individual: individual["fitness"])


def improvements(individuals):
    """Those that were better than all before them."""
    found = []
    for individual in individuals:
        if not found or individual["fitness"] > found[-1]["fitness"]:
            found.append(individual)
    return found


def spread(values):
    mean = statistics.mean(values)
    if len(values) < 2:
        return {"mean": mean, "deviation": None, "interval": None}
    deviation = statistics.stdev(values)
    points = STUDENT[min(len(values) - 2, len(STUDENT) - 1)]
    return {"mean": mean, "deviation": deviation,
            "interval": points * deviation / math.sqrt(len(values))}


def table(results):
    lines = ["| search | test error %, mean ± deviation (95 % interval) | seeds | paper, CIFAR-10 |",
             "|---|---|---|---|"]
    for result in results:
        error = result["test_error"]
        told = f"{100 * error['mean']:.2f}"
        if error["deviation"] is not None:
            told += f" ± {100 * error['deviation']:.2f} (± {100 * error['interval']:.2f})"
        paper = PAPER[result["space"], result["method"]]
        lines.append(f"| {result['space']}, {result['method']} | {told} | {len(result['values'])} "
                     f"| {paper} |")
    return "\n".join(lines) + "\n"


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def figure3_rows(space, algorithm, seed, individuals):
    so_far = 0.0
    for step, individual in enumerate(individuals, 1):
        so_far = max(so_far, individual["fitness"])
        yield {"space": space, "algorithm": algorithm, "seed": seed, "step": step,
               "fitness": individual["fitness"], "best": so_far,
               "parameters": individual["parameters"]}


def figure4_tasks(space, seed, folder, individuals, points):
    """The first cell that was trained, and the best so far at evenly spaced moments."""
    better = improvements([individual for individual in individuals if individual["trained"]])
    if len(better) > points:
        last = len(better) - 1
        better = [better[round(i * last / (points - 1))] for i in range(points)]
    order = {individual["id"]: step for step, individual in enumerate(individuals, 1)}
    return [{"space": space, "seed": seed, "folder": folder, "id": individual["id"], "size": size,
             "step": order[individual["id"]]}
            for size in ("small", "larger") for individual in better]


def gains_of(figure4, accuracy_of):
    """Each cell of figure 4 with its gain over the first of the same search in the same network."""
    firsts, gains = {}, []
    for task in figure4:
        accuracy = accuracy_of(task)
        first = firsts.setdefault((task["folder"], task["size"]), accuracy)
        gains.append({"space": task["space"], "network": task["size"], "seed": task["seed"],
                      "step": task["step"], "id": task["id"], "accuracy": accuracy,
                      "gain": round(accuracy - first, 6)})
    return gains


def last_gains(gains):
    """What evolution gained in the end, over the seeds."""
    last = {(row["space"], row["network"], row["seed"]): row["gain"] for row in gains}
    return [{"space": space, "network": network,
             "gain": spread([gain for key, gain in last.items() if key[:2] == (space, network)])}
            for space, network in dict.fromkeys(key[:2] for key in last)]


def correlation(pairs):
    """Pearson's, of fitness and final accuracy; nothing where one of them is constant."""
    if any(len(set(values)) < 2 for values in zip(*pairs)):
        return None
    return statistics.correlation(*zip(*pairs))


def main():
    options = arguments()
    study = Study(options)
    finals, figure3, figure4, evaluated = [], [], [], []
    for space in SPACES:
        for seed in range(1, options.seeds + 1):
            random = study.search(space, "random", seed)
            evolution = study.search(space, "evolution", seed)
            tried, evolved = history(random), history(evolution)
            evaluated += tried + evolved
            figure3 += figure3_rows(space, "random", seed, tried)
            figure3 += figure3_rows(space, "evolution", seed, evolved)
            first = next(individual for individual in tried if individual["trained"])
            for method, folder, chosen in (("random", random, first),
                                           ("random search", random, best(tried)),
                                           ("evolution", evolution, best(evolved))):
                finals.append({"space": space, "method": method, "seed": seed, "folder": folder,
                               "size": "small", **chosen})
            if options.figure4_points > 1:
                figure4 += figure4_tasks(space, seed, evolution, evolved, options.figure4_points)
    jobs = list(dict.fromkeys((task["folder"], task["id"], task["size"])
                              for task in finals + figure4))
    # One training per core: each has its own folder.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        trained = dict(zip(jobs, pool.map(lambda job: study.train(*job), jobs)))

    def accuracy_of(task):
        return trained[task["folder"], task["id"], task["size"]]["test_accuracy"]

    results = []
    for space in SPACES:
        for method in METHODS:
            chosen = [task for task in finals if (task["space"], task["method"]) == (space, method)]
            errors = [1 - accuracy_of(task) for task in chosen]
            results.append({"space": space, "method": method, "values": errors,
                            "ids": [task["id"] for task in chosen],
                            "fitness": [task["fitness"] for task in chosen],
                            "parameters": [task["parameters"] for task in chosen],
                            "test_error": spread(errors)})
    correlations = {space: correlation([(task["fitness"], accuracy_of(task)) for task in finals
                                        if task["space"] == space]) for space in SPACES}
    gains = gains_of(figure4, accuracy_of)
    if gains:
        write_csv(options.out / "figure4.csv", gains)
    write_csv(options.out / "figure3.csv", figure3)
    (options.out / "table.md").write_text(table(results))
    (options.out / "study.json").write_text(json.dumps(
        {"dataset": options.dataset, "evaluations": options.evaluations, "results": results,
         "fitness_and_accuracy": correlations, "last_gains": last_gains(gains),
         # On one core, over all starts.
         "evaluations_s": sum(individual["seconds"] for individual in evaluated),
         "trainings": len(jobs),
         "trainings_s": sum(result["seconds"] for result in trained.values())}, indent=2) + "\n")
    print(table(results), end="")


if __name__ == "__main__":
    main()
