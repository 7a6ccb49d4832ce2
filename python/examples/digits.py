r"""Without PyTorch: cells with random weights extract features of digits for scikit-learn.

A cell with untrained convolutions is a feature extractor. How well a linear classifier does behind
it depends on the structure of the cell alone, and takes seconds to find out.

hierevo search --run digits --workers 2 --population 10 --evaluations 40 \
    --evaluator server --command 'python3 digits.py'
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier

import hierevo

CHANNELS = 8
digits = load_digits()
images = digits.images[:, None] / 16  # [1797, 1, 8, 8]
trained, held_out = slice(0, 1200), slice(1200, None)


def windows(x: np.ndarray, outside: float) -> np.ndarray:
    """The 3×3 pixels around each pixel: [N, C, H, W, 3, 3]."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=outside)
    return sliding_window_view(padded, (3, 3), axis=(2, 3))


def activation(x: np.ndarray) -> np.ndarray:
    """Each channel normalised over all images, then ReLU."""
    axes = (0, 2, 3)
    return np.maximum(0, (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True) + 1e-5))


def computed(kind: str, operands: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """What a node of the cell gives for all images."""
    x = operands[0]
    if kind == "concat":
        return np.concatenate(operands, axis=1)
    if kind == "maxpool3x3":
        return windows(x, -np.inf).max((4, 5))
    if kind == "avgpool3x3":
        return np.nanmean(windows(x, np.nan), axis=(4, 5))
    if kind in ("depthwise3x3", "separable3x3"):
        x = np.einsum("nchwij,cij->nchw", windows(x, 0), random.normal(size=(x.shape[1], 3, 3)))
    if kind in ("conv1x1", "separable3x3"):
        x = np.einsum("nchw,cd->ndhw", x, random.normal(size=(x.shape[1], CHANNELS)))
    return activation(x)


def evaluate(candidate: hierevo.Candidate, report: hierevo.Report) -> float:
    """The accuracy of a linear classifier behind the cell."""
    random = np.random.default_rng(candidate.seed)
    cell = candidate.genotype.assemble()
    values = [images]
    for node in cell.nodes[1:]:
        values.append(computed(node.kind, [values[i] for i in node.operands], random))
        report(step=len(values), steps=len(cell.nodes))
    features = values[cell.output]
    features = features.reshape(len(images), features.shape[1], 4, 2, 4, 2).mean((3, 5))
    features = features.reshape(len(images), -1)
    classifier = RidgeClassifier(alpha=1.0).fit(features[trained], digits.target[trained])
    return classifier.score(features[held_out], digits.target[held_out])


hierevo.serve(evaluate)
