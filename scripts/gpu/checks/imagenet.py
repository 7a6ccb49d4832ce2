"""Training steps of ImageNet's size, from JPEG files."""
from __future__ import annotations

import json
import os

import training_pace
from outcome import Failed, NotPossible, passed

CLASSES = 4


def check(bench):
    """hierevo train on shards of JPEG files beside the same steps on noise: what the loader and the host cost."""
    sizes = bench.sizes
    require_memory(bench, sizes)
    shards = make_shards(bench, images=max(CLASSES * 2, 2 * sizes.image_batch), side=max(64, sizes.image * 4 // 3))
    cores = len(os.sched_getaffinity(0))
    model = ("imagenet", sizes.image_channels)
    steps = 10 if sizes.executor == "gpu" else 2
    try:
        alone, host, busy = training_pace.steps_alone(
            bench, sizes.executor, bench.published, steps=steps, batch=sizes.image_batch, crop=sizes.image, model=model,
            warm_up=2)
        whole, loading = training_pace.pace(
            bench, bench.published, "--dataset", shards, "--model", model[0], "--channels", model[1], "--crop",
            sizes.image, "--loader-threads", min(cores, 1024), steps=2 * steps, batch=sizes.image_batch)
    except Failed as why:
        if "out of memory" in str(why).lower():
            raise NotPossible(f"batches of {sizes.image_batch} do not fit into the GPU's memory ({why})") from None
        raise
    text = (f"{whole:,.0f} images/s from JPEG files, waiting for the loader ({cores} threads) {loading:.0%} of the "
            f"time; {alone:,.0f} on noise, host issuing {host:.0%} of the time")
    if busy is not None:
        text += f", GPU busy {busy:.0%} by nvidia-smi"
    yield passed("", text, training=whole, loader_share=loading, steps_alone=alone, host_share=host, busy_share=busy)


def require_memory(bench, sizes):
    """Raises NotPossible where what a step keeps for the backward pass alone is more than the GPU has."""
    output, _ = bench.hierevo("inspect", "--genotype", bench.published, "--model", "imagenet", "--channels",
                              sizes.image_channels, "--json")
    needed = json.loads(output)["activation_bytes"] * sizes.image_batch / 2**30
    if sizes.executor == "gpu" and needed > bench.devices[0]["memory_gib"]:
        raise NotPossible(f"batches of {sizes.image_batch} need {needed:.0f} GiB, and the GPU has "
                          f"{bench.devices[0]['memory_gib']:.0f}")


def make_shards(bench, images, side):
    """A data set of JPEG files of random images, side by about 4/3 side pixels."""
    folder = bench.folder / "jpeg"
    for part, count in (("train", images), ("test", CLASSES)):
        for number in range(count):
            place = folder / part / f"class{number % CLASSES}"
            place.mkdir(parents=True, exist_ok=True)
            code, _, errors = bench.run([bench.program("test_data_write_jpeg"), place / f"{number}.jpg", side,
                                         side * 4 // 3, number])
            if code != 0:
                raise Failed(f"no JPEG file could be written: {errors.strip()[-200:]}")
    shards = bench.folder / "shards"
    bench.hierevo("prepare", folder, "--out", shards, "--progress", "off")
    return shards
