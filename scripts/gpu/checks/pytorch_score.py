"""usage: pytorch_score.py FOLDER DATA: top-1 accuracy of FOLDER/exported_network.py on the test images of DATA, as
JSON; on the first GPU if there is one. Needs torch alone."""
from __future__ import annotations

import gzip
import json
import pathlib
import sys

import torch


def idx(file, header):
    return torch.frombuffer(bytearray(gzip.decompress(file.read_bytes())[header:]), dtype=torch.uint8)


def main():
    folder, data = map(pathlib.Path, sys.argv[1:])
    sys.path.insert(0, str(folder))
    import exported_network
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.allow_tf32 = False
    network = exported_network.load().to(device).eval()
    labels = idx(data / "t10k-labels-idx1-ubyte.gz", 8)
    images = idx(data / "t10k-images-idx3-ubyte.gz", 16).reshape(len(labels), 1, 28, 28)
    right = 0
    with torch.no_grad():
        for part, answer in zip(images.split(250), labels.split(250)):
            logits = network(exported_network.preprocess(part.to(device)))
            right += int((logits.argmax(1).cpu() == answer).sum())
    print(json.dumps({"top1": right / len(labels), "images": len(labels)}))


main()
