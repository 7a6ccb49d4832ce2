"""Fronts and crowding distances are those of pymoo.   nsga2_test.py RANK_POINTS PYTHON

PYTHON is the one that has pymoo (exit code 77: it is not there).
"""
import os
import subprocess
import sys

environment = os.path.dirname(os.path.dirname(sys.argv[2]))
if os.path.exists(sys.argv[2]) and not os.path.samefile(sys.prefix, environment):
    os.execv(sys.argv[2], sys.argv[2:3] + sys.argv)

try:
    import numpy as np
    from pymoo.operators.survival.rank_and_crowding.metrics import (FunctionalDiversity,
                                                                    calc_crowding_distance)
    from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

SETS = 600


def random_set(random):
    """Of any size; every second one on a coarse grid, so that values and whole points are equal."""
    shape = (int(random.integers(1, 80)), int(random.integers(2, 7)))
    if random.random() < 0.5:
        points = random.integers(0, int(random.integers(1, 6)), shape).astype(float)
    else:
        points = random.normal(size=shape) * 10.0 ** random.integers(-8, 9, shape[1])
    if random.random() < 0.3:
        points[:, random.integers(shape[1])] = 1.5
    if random.random() < 0.3:
        points = points[random.integers(0, shape[0], shape[0])]
    return points


def of_pymoo(points):
    """Fronts and distances. pymoo minimises, and divides distances by the number of objectives."""
    ranks = np.empty(len(points), int)
    distances = np.empty(len(points))
    diversity = FunctionalDiversity(calc_crowding_distance, filter_out_duplicates=True)
    for rank, front in enumerate(NonDominatedSorting().do(-points)):
        front = np.sort(front)
        ranks[front] = rank
        distances[front] = diversity.do(points[front]) * points.shape[1]
    return ranks, distances


def main(program):
    random = np.random.default_rng(7)
    sets = [random_set(random) for _ in range(SETS)]
    text = "".join(f"{len(points)} {points.shape[1]}\n" +
                   "\n".join(" ".join(map(repr, map(float, point))) for point in points) + "\n"
                   for points in sets)
    output = subprocess.run([program], input=text, text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    lines = [line.split() for line in output.splitlines()]
    assert len(lines) == sum(map(len, sets)), "not a line for each point"
    ranks = np.array([int(line[0]) for line in lines])
    distances = np.array([float(line[1]) for line in lines])
    fronts = ties = infinite = 0
    at = 0
    for points in sets:
        expected_ranks, expected_distances = of_pymoo(points)
        own = slice(at, at + len(points))
        assert np.array_equal(ranks[own], expected_ranks), f"fronts of\n{points}"
        np.testing.assert_allclose(distances[own], expected_distances, rtol=1e-9, atol=1e-12,
                                   err_msg=f"distances of\n{points}")
        at += len(points)
        fronts += expected_ranks.max() + 1
        ties += len(points) - len(np.unique(points, axis=0))
        infinite += np.isinf(expected_distances).sum()
    assert ties > 1000 and infinite > 1000 and fronts > 2000, "the sets are too easy"
    print(f"{len(lines)} points in {fronts} fronts, {ties} of them equal to another")


main(sys.argv[1])
