"""Data packs: images of one size in one HDF5 file (io/FORMAT.md, "Data pack")."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from hierevo.files import PathLike
from hierevo.h5_reading import Node, Unusable, open_unlocked, opened_file, reading
from hierevo.images import (
    Images,
    Pixels,
    check_image_format,
    check_labels,
    class_without_image,
)

Numbers = npt.NDArray[np.float64]

_VERSION = 1
_SUGGESTION = "Give a pack that hierevo prepare made; if it is one, make it again."
_CACHE = 1 << 26  # bytes of chunks that each process keeps: many images are in one chunk
_AT_ONCE = 1 << 24  # bytes of pixels that are read at once


class DataPack:
    """A data set in one file. Made by open_data()."""

    source: str
    """What it was made from, for information."""
    class_names: list[str]
    """In the order of the labels."""
    train: PackedImages
    test: PackedImages | None
    """None where the pack has no test images."""
    skipped: list[str]
    """Broken images that were left out, each with what is wrong with it."""

    def __init__(self, path: PathLike) -> None:
        """Reads all but the pixels, which it checks only when they are read. Raises
        MissingFileError, NewerVersionError and FileError.
        """
        self.path = os.fspath(path)
        with opened_file(path, _SUGGESTION) as root:
            check_image_format(root, self.path, "hierevo.data", _VERSION)
            self.source = root.fixed_text("source")
            self.class_names = root.fixed_texts("classes")
            self.skipped = []
            self.train = self._part(root, "train")
            self.test = self._part(root, "test") if root.has("test") else None
            if problem := class_without_image(self.train.labels, self.class_names):
                raise Unusable(problem)
            if self.test is not None and self.test.shape != self.train.shape:
                raise Unusable("/test/pixels has images of another size")

    def __repr__(self) -> str:
        """What it has."""
        tests = 0 if self.test is None else len(self.test)
        counts = f"{len(self.class_names)} classes, {len(self.train)} training images, {tests} test"
        return f"<hierevo.DataPack '{self.path}': {counts} images of {self.train.shape}>"

    @property
    def pixel_mean(self) -> Numbers:
        """Mean of each channel [C], 0…255, over all training images. Reads them all, once."""
        return self._statistics[0]

    @property
    def pixel_deviation(self) -> Numbers:
        """Standard deviation of each channel [C], likewise."""
        return self._statistics[1]

    @functools.cached_property
    def _statistics(self) -> tuple[Numbers, Numbers]:
        """From the numbers of pixels of each of the 256 values."""
        counts = np.zeros((self.train.shape[0], 256))
        for pixels in self.train.pieces():
            for channel in range(len(counts)):
                counts[channel] += np.bincount(pixels[:, channel].ravel(), minlength=256)
        shares = counts / counts.sum(axis=1, keepdims=True)
        values = np.arange(256.0)
        mean = (shares * values).sum(axis=1)
        variance = (shares * (values - mean[:, None]) ** 2).sum(axis=1)
        return mean, np.sqrt(variance)

    def _part(self, root: Node, name: str) -> PackedImages:
        group = root.group(name)
        labels = group.array("labels", "i8")
        if problem := check_labels(labels, len(self.class_names)):
            raise Unusable(f"in /{name}/labels, {problem}")
        if group.has("skipped"):
            self.skipped += group.fixed_texts("skipped")
        shape = group.dataset("pixels", "u1", 4, rows=len(labels)).shape
        if min(shape) < 1:
            raise Unusable(f"/{name}/pixels has no pixels")
        return PackedImages(self.path, name, labels, shape[1:])


class PackedImages(Images):
    """The images of one part of a data pack, all of one size."""

    def __init__(
        self, path: str, part: str, labels: npt.NDArray[np.int64], shape: tuple[int, int, int]
    ) -> None:
        """For DataPack."""
        self.path = path
        self.part = part
        self.labels = labels
        self.shape = shape
        """Channels, height and width of each image."""
        self._file: Any = None
        self._pixels: Any = None
        self._process = 0

    def __getstate__(self) -> dict[str, Any]:
        """Without what only this process can use."""
        return {**self.__dict__, "_file": None, "_pixels": None, "_process": 0}

    def image(self, index: SupportsIndex) -> Pixels:
        """The pixels alone, u8 [C, H, W]. Raises IndexError and FileError."""
        place = self._place(index)
        pixels: Pixels = self._read(place, place + 1)[0]
        return pixels

    def arrays(self) -> tuple[Pixels, npt.NDArray[np.int64]]:
        """All pixels, u8 [N, C, H, W], and all labels, i64 [N], in memory. Raises FileError."""
        pixels = np.empty((len(self), *self.shape), dtype=np.uint8)
        start = 0
        for piece in self.pieces():
            pixels[start : start + len(piece)] = piece
            start += len(piece)
        return pixels, self.labels.copy()

    def pieces(self) -> Iterator[Pixels]:
        """The pixels in order, some images at a time: u8 [n, C, H, W] each. Raises FileError."""
        step = max(1, _AT_ONCE // math.prod(self.shape))
        for start in range(0, len(self), step):
            yield self._read(start, min(start + step, len(self)))

    def _read(self, start: int, stop: int) -> Pixels:
        if self._process != os.getpid():  # processes must not share the position in a file
            self._open()
        with reading(self.path, _SUGGESTION):
            try:
                pixels: Pixels = self._pixels[start:stop]
            except OSError as error:
                images = f"image {start}" if stop == start + 1 else f"images {start}…{stop - 1}"
                problem = f"{images} of /{self.part}/pixels cannot be read ({error})"
                raise Unusable(problem) from error
        return pixels

    def _open(self) -> None:
        self._file = self._pixels = None
        with opened_file(self.path, _SUGGESTION) as root:
            found = root.group(self.part).dataset("pixels", "u1", 4, len(self)).shape
            if found[1:] != self.shape:
                raise Unusable("it is another pack than when it was opened")
        with reading(self.path, _SUGGESTION):
            self._file = open_unlocked(self.path, _CACHE)
            self._pixels = self._file[self.part]["pixels"]
        self._process = os.getpid()
