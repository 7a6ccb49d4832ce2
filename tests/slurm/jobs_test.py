"""All tests of job scripts on one cluster: side by side, then one by one those that disturb others.

usage: jobs_test.py [MODULE.CLASS.TEST...]
"""
import concurrent.futures
import sys
import time
import unittest

from slurm_jobs import Cluster, SlurmTest

MODULES = ["search_test", "restart_test", "failures_test", "refusals_test", "training_test",
           "user_test", "contact_test"]
SIDE_BY_SIDE = 8


def tests_in(suite):
    for part in suite:
        if isinstance(part, unittest.TestCase):
            yield part
        else:
            yield from tests_in(part)


def passes(test):
    result = unittest.TestResult()
    began = time.monotonic()
    test.run(result)
    how = "ok" if result.wasSuccessful() else "FAILED"
    if result.skipped:
        how = f"skipped: {result.skipped[0][1]}"
    lines = [f"{test.id()} ... {how}, {time.monotonic() - began:.0f} s"]
    for _, trace in result.failures + result.errors:
        lines += [trace, test.outputs()]
    print("\n".join(lines), flush=True)
    return result.wasSuccessful()


def main():
    loader = unittest.TestLoader()
    tests = list(tests_in(loader.loadTestsFromNames(sys.argv[1:] or MODULES)))
    SlurmTest.cluster = Cluster()
    try:
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            good = list(pool.map(passes, [test for test in tests if not test.alone]))
        good += [passes(test) for test in tests if test.alone]
    finally:
        SlurmTest.cluster.end()
    print(f"{sum(good)} of {len(good)} passed")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
