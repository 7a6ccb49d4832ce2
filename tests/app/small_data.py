"""The beginning of Fashion-MNIST, for tests that train in moments."""
import gzip
import math
import os
import pathlib
import struct

DATA = pathlib.Path(os.environ.get("HIEREVO_DATA_DIR", "/usr/share/datasets/fashion-mnist"))


def cut_idx(source, target, count):
    """The first `count` items of an IDX file."""
    content = gzip.decompress(source.read_bytes())
    dimensions = content[3]
    sizes = struct.unpack(f">{dimensions}I", content[4:4 + 4 * dimensions])
    start = 4 + 4 * dimensions
    target.write_bytes(content[:4] + struct.pack(f">{dimensions}I", count, *sizes[1:]) +
                       content[start:start + count * math.prod(sizes[1:])])


def write_small_data(folder):
    """5000 training and 1000 test images, for --data-dir."""
    for name, count in (("train-images-idx3", 5000), ("train-labels-idx1", 5000),
                        ("t10k-images-idx3", 1000), ("t10k-labels-idx1", 1000)):
        cut_idx(DATA / f"{name}-ubyte.gz", folder / f"{name}-ubyte", count)
