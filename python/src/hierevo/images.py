"""Images with labels, as sequences."""

from __future__ import annotations

import abc
import operator
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from hierevo.errors import NewerVersionError
from hierevo.h5_reading import Node, Unusable

Pixels = npt.NDArray[np.uint8]


class Images(abc.ABC):
    """Images of one part of a data set, with labels: a map-style data set for torch.utils.data.

    `images[i]` is a pair: the pixels, u8 [C, H, W], red, green, blue or grey, 0…255, not
    normalised; and the label, an int. Can be pickled; each process that reads, such as a worker of
    a DataLoader, opens the files for itself, when it first reads an image.
    """

    labels: npt.NDArray[np.int64]
    """[N]: of each image the number of its class, from 0."""

    def __len__(self) -> int:
        """Number N of images."""
        return len(self.labels)

    def __getitem__(self, index: SupportsIndex) -> tuple[Pixels, int]:
        """Pixels and label; negative numbers count from the end. Raises IndexError, FileError."""
        place = self._place(index)
        return self.image(place), int(self.labels[place])

    @abc.abstractmethod
    def image(self, index: SupportsIndex) -> Pixels:
        """The pixels alone, u8 [C, H, W]. Raises IndexError and FileError."""

    def _place(self, index: SupportsIndex) -> int:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"there is no image {place} of {len(self)}")
        return place % len(self)


def check_labels(labels: npt.NDArray[np.int64], classes: int) -> str:
    """What is wrong with labels of so many classes, or an empty text."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong) == 0:
        return ""
    return f"image {wrong[0]} has label {labels[wrong[0]]} of {classes} classes"


def class_without_image(labels: npt.NDArray[np.int64], class_names: list[str]) -> str:
    """That one of the classes has no training image, or an empty text."""
    present = np.zeros(len(class_names), dtype=bool)
    present[labels] = True
    missing = np.flatnonzero(~present)
    return f"class '{class_names[missing[0]]}' has no training image" if len(missing) else ""


def check_image_format(root: Node, path: str, name: str, newest: int) -> None:
    """Of a pack, an index or a shard. Raises NewerVersionError and Unusable."""
    if root.fixed_text("format") != name:
        found = root.fixed_text("format")[:80]
        raise Unusable(f"its format is '{found}' instead of '{name}'")
    version = root.attribute("version", "u4")
    if version > newest:
        problem = f"its format has version {version}, and this package reads up to {newest}"
        raise NewerVersionError(path, problem, "Use a newer hierevo.")
    if version == 0:
        raise Unusable("its version is 0")
