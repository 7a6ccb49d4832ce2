"""Whether a GPU computes what the CPU does."""
from __future__ import annotations

import json

from outcome import Failed, failed, not_possible, passed

PARITY = "Gpu.MakesTheStepThatTheCpuMakes"


def run_tests(bench, test, only):
    """(passed, failed, skipped) names of tests of a GoogleTest program."""
    report = bench.folder / f"{test['name']}.json"
    environment = dict(entry.split("=", 1) for entry in test["environment"])
    code, output, errors = bench.run([bench.program(test["program"]), *test["arguments"], f"--gtest_filter={only}",
                                      f"--gtest_output=json:{report}"], environment)
    try:
        suites = json.loads(report.read_text())["testsuites"]
    except (OSError, ValueError):
        raise Failed(f"{test['name']} exited with {code}: {(errors or output).strip()[-300:]}") from None
    found = {"passed": [], "failed": [], "skipped": []}
    for suite in suites:
        for one in suite["testsuite"]:
            if one["status"] != "RUN":
                continue
            state = "failed" if one.get("failures") else "skipped" if one["result"] == "SKIPPED" else "passed"
            found[state].append(f"{suite['name']}.{one['name']}")
    if code not in (0, 77) and not found["failed"]:  # 77: all were skipped
        raise Failed(f"{test['name']} exited with {code}: {errors.strip()[-300:]}")
    return found


def tests_of(bench):
    return json.loads((bench.bundle / "checks" / "gpu_tests.json").read_text())


def gpu_tests(bench):
    """The tests labelled gpu, but the one that has a line of its own."""
    if not bench.rehearse:
        bench.devices  # noqa: B018 (raises where there is none)
    for test in tests_of(bench):
        found = run_tests(bench, test, f"-{PARITY}")
        numbers = {state: len(names) for state, names in found.items()}
        text = f"{numbers['passed']} tests passed, {numbers['skipped']} skipped (too few GPUs)"
        if found["failed"]:
            yield failed(test["name"], "failed: " + ", ".join(found["failed"]))
        elif not found["passed"]:
            yield not_possible(test["name"], f"{numbers['skipped']} tests were skipped (too few GPUs)")
        else:
            yield passed(test["name"], text, **numbers)


def parity(bench):
    """A step in float64 on the GPU and on the CPU, for twenty genotypes."""
    if not bench.rehearse:
        bench.devices  # noqa: B018
    for test in tests_of(bench):
        if test["name"] != "nn_gpu":
            continue
        found = run_tests(bench, test, PARITY)
        if found["failed"]:
            yield failed("", "loss, gradients or statistics differ")
        elif found["skipped"]:
            yield not_possible("", "the test was skipped: there is no GPU")
        elif found["passed"]:
            yield passed("", "loss, gradients, statistics and predictions of 20 random genotypes, in float64")
        else:
            yield failed("", f"there is no test {PARITY}")


def exported_network(bench):
    """A network that was trained here classifies the test images in PyTorch as in hierevo."""
    python = bench.torch_python
    sizes = bench.any_sizes
    bench.hierevo("train", "--genotype", bench.published, *bench.data, "--channels", sizes.channels, "--steps", 60,
                  "--batch", 32, "--out", "exported", "--progress", "off")
    result = json.loads((bench.folder / "exported" / "result.json").read_text())["repeats"][0]
    bench.hierevo("export", "--format", "pytorch", "--weights", "exported/repeat-1/last.h5", "--out",
                  bench.folder / "exported_network.py")
    code, output, errors = bench.run([python, bench.bundle / "checks" / "pytorch_score.py", bench.folder,
                                      bench.bundle / "data"])
    if code != 0:
        raise Failed((errors.strip().splitlines() or [f"exit code {code}"])[-1])
    score = json.loads(output)
    # Rounding may decide for another class where two are about equally likely.
    if abs(score["top1"] - result["top1"]) * score["images"] > 2:
        raise Failed(f"top-1 accuracy is {score['top1']} in PyTorch, and {result['top1']} in hierevo")
    yield passed("", f"top-1 accuracy on {score['images']} images is {score['top1']:.4f} in PyTorch, "
                 f"{result['top1']:.4f} in hierevo", pytorch=score["top1"], hierevo=result["top1"])
