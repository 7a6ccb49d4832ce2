"""Image shards: a folder with the JPEG files of a data set (io/FORMAT.md, "Image shards")."""

from __future__ import annotations

import io
import os
from typing import Any, SupportsIndex

import h5py
import numpy as np
import numpy.typing as npt

from hierevo.checksums import crc32c
from hierevo.errors import FileError
from hierevo.files import PathLike, open_regular
from hierevo.h5_reading import Node, Unusable, opened_file
from hierevo.images import (
    Images,
    Pixels,
    check_image_format,
    check_labels,
    class_without_image,
)

_VERSION = 1
_MOST_SHARDS = 512
_LONGEST_SIDE = 65535
_SUGGESTION = "Remove it and run the same hierevo prepare again: it makes what is missing."
_ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("length", "<u4"),
        ("crc32c", "<u4"),
        ("label", "<i8"),
        ("height", "<u4"),
        ("width", "<u4"),
    ]
)
Rows = npt.NDArray[np.void]


class ImageShards:
    """A data set of JPEG files in a folder. Made by open_data()."""

    source: str
    """Name of the folder it was made from, for information."""
    class_names: list[str]
    """In the order of the labels."""
    train: ShardedImages
    test: ShardedImages | None
    """None where there are no test images."""
    skipped: list[str]
    """Broken images that were left out, each with what is wrong with it."""
    pixel_mean: npt.NDArray[np.float64]
    """Means of red, green and blue [3], 0…255, over a sample of the training images."""
    pixel_deviation: npt.NDArray[np.float64]
    """Standard deviations of red, green and blue [3], likewise."""

    def __init__(self, folder: PathLike) -> None:
        """Reads all tables, and checks them; images are checked when they are read. Raises
        MissingFileError, NewerVersionError and FileError.
        """
        self.folder = os.fspath(folder)
        path = os.path.join(self.folder, "index.h5")
        with opened_file(path, _SUGGESTION) as root:
            check_image_format(root, path, "hierevo.images", _VERSION)
            self._read_index(root)
        self.train = ShardedImages(self._shards("train", 0, self._counts[0]), self.class_names)
        self.test = None
        if self._counts[1] > 0:
            shards = self._shards("test", self._counts[0], self._counts[1])
            self.test = ShardedImages(shards, self.class_names)
        if problem := class_without_image(self.train.labels, self.class_names):
            raise FileError(self.folder, problem, "Pack the images again.")

    def __repr__(self) -> str:
        """What it has."""
        tests = 0 if self.test is None else len(self.test)
        counts = f"{len(self.class_names)} classes, {len(self.train)} training images, {tests} test"
        return f"<hierevo.ImageShards '{self.folder}': {counts} images>"

    def _read_index(self, root: Node) -> None:
        self.source = root.fixed_text("source")
        self.class_names = root.fixed_texts("classes")
        self.skipped = root.fixed_texts("skipped") if root.has("skipped") else []
        self.pixel_mean = root.array("pixel_mean", "f8", rows=3)
        self.pixel_deviation = root.array("pixel_deviation", "f8", rows=3)
        numbers = np.concatenate([self.pixel_mean, self.pixel_deviation])
        if not np.all((numbers >= 0) & (numbers <= 255)):
            raise Unusable("its statistics are not numbers up to 255")
        self._plan = int(root.attribute("plan", "u8"))
        self._counts = [int(root.attribute(f"{part}_shards", "u4")) for part in ("train", "test")]
        self._checksums = root.array("shard_crc32c", "u4").tolist()
        shards = sum(self._counts)
        if self._counts[0] == 0 or shards > _MOST_SHARDS or shards != len(self._checksums):
            raise Unusable("its numbers of shards and of checksums contradict each other")

    def _shards(self, part: str, first: int, count: int) -> list[_Shard]:
        checksums = self._checksums[first : first + count]
        return [self._shard(part, number, one) for number, one in enumerate(checksums)]

    def _shard(self, part: str, number: int, checksum: int) -> _Shard:
        path = os.path.join(self.folder, f"{part}-{number:05d}.h5")
        with opened_file(path, _SUGGESTION) as root:
            check_image_format(root, path, "hierevo.image-shard", _VERSION)
            found = (root.fixed_text("part"), root.attribute("number", "u4"))
            if found != (part, number) or root.attribute("plan", "u8") != self._plan:
                raise Unusable("it was made from other images or with other options")
            rows = _read_rows(root)
            if crc32c(rows.tobytes()) != checksum:
                raise Unusable("it is not the shard that index.h5 lists")
            if problem := check_labels(rows["label"], len(self.class_names)):
                raise Unusable(problem)
            return _Shard(path, rows, _start_of_bytes(root, rows))


class ShardedImages(Images):
    """The images of one part of a folder of shards, of any sizes.

    Pixels are decoded from JPEG with Pillow, to red, green and blue.
    """

    def __init__(self, shards: list[_Shard], class_names: list[str]) -> None:
        """For ImageShards."""
        self._shards = shards
        self._firsts = np.cumsum([0, *(len(shard.rows) for shard in shards)])
        self.class_names = class_names
        self.labels = np.concatenate([shard.rows["label"] for shard in shards]).astype(np.int64)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """[N, 2]: height and width of each image in pixels."""
        sides = [(shard.rows["height"], shard.rows["width"]) for shard in self._shards]
        return np.concatenate([np.stack(one, axis=1) for one in sides]).astype(np.int64)

    def jpeg(self, index: SupportsIndex) -> bytes:
        """The JPEG file of an image, byte for byte, once its checksum was found right. Raises
        IndexError and FileError.
        """
        shard, row = self._where(index)
        return shard.read(row)

    def image(self, index: SupportsIndex) -> Pixels:
        """The decoded pixels, u8 [3, H, W]. Raises IndexError, FileError, and ImportError where
        Pillow is not installed.
        """
        shard, row = self._where(index)
        jpeg = shard.read(row)
        height, width = (int(shard.rows[name][row]) for name in ("height", "width"))
        try:
            return _decoded(jpeg, height, width)
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # Pillow raises many kinds
            raise FileError(shard.path, f"image {row} cannot be decoded ({error})") from error

    def name(self, index: SupportsIndex) -> str:
        """Path of an image in the folder that it came from. Raises IndexError and FileError."""
        shard, row = self._where(index)
        with opened_file(shard.path, _SUGGESTION) as root:
            names = root.fixed_texts("name")
            if len(names) != len(shard.rows):
                raise Unusable("it has not one name for each image")
            return names[row]

    def _where(self, index: SupportsIndex) -> tuple[_Shard, int]:
        place = self._place(index)
        number = int(np.searchsorted(self._firsts, place, side="right")) - 1
        return self._shards[number], place - int(self._firsts[number])


class _Shard:
    """A shard's table, and its file once it is read."""

    def __init__(self, path: str, rows: Rows, start: int) -> None:
        """The bytes of images begin at `start` of the file."""
        self.path = path
        self.rows = rows
        self._start = start
        self._descriptor = -1

    def __getstate__(self) -> dict[str, Any]:
        """Without what only this process can use."""
        return {**self.__dict__, "_descriptor": -1}

    def __del__(self) -> None:
        """Closes the file."""
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)

    def read(self, row: int) -> bytes:
        """The JPEG file of an image. Processes may share the descriptor, but not a position."""
        if self._descriptor < 0:
            self._descriptor = open_regular(self.path)
        one = self.rows[row]
        try:
            start = self._start + int(one["offset"])
            content = os.pread(self._descriptor, int(one["length"]), start)
        except OSError as error:
            raise FileError(self.path, f"image {row} cannot be read ({error.strerror})") from error
        if len(content) == one["length"] and crc32c(content) == one["crc32c"]:
            return content
        problem = f"image {row} is damaged (its checksum is wrong)"
        suggestion = "Restore a copy of the shard, or remove it and pack the images again."
        raise FileError(self.path, problem, suggestion)


def _read_rows(root: Node) -> Rows:
    offsets = root.array("offset", "u8")
    rows = np.empty(len(offsets), dtype=_ROW)
    rows["offset"] = offsets
    for name in ("length", "crc32c", "label", "height", "width"):
        rows[name] = root.array(name, _ROW[name].newbyteorder("="), rows=len(rows))
    sides = np.concatenate([rows["height"], rows["width"]])
    if len(rows) == 0 or sides.min() < 1 or sides.max() > _LONGEST_SIDE or rows["length"].min() < 1:
        raise Unusable("it has images that are impossible")
    return rows


def _start_of_bytes(root: Node, rows: Rows) -> int:
    """Where /bytes is in the file, which has all the images."""
    dataset = root.dataset("bytes", "u1", 1)
    start = dataset.id.get_offset()
    if dataset.id.get_create_plist().get_layout() != h5py.h5d.CONTIGUOUS or start is None:
        raise Unusable("/bytes is not stored in one piece")
    size = np.uint64(len(dataset))
    beyond = (rows["offset"] > size) | (rows["length"] > size - rows["offset"])
    if np.any(beyond) or start + len(dataset) > root.budget.file_bytes:
        raise Unusable("an image reaches beyond the bytes")
    return int(start)


def _decoded(jpeg: bytes, height: int, width: int) -> Pixels:
    try:
        from PIL import Image  # noqa: PLC0415
    except ImportError as error:
        text = "To decode JPEG needs Pillow. Install it (pip install pillow), or use jpeg()."
        raise ImportError(text) from error
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        if image.size != (width, height):  # before it takes as much memory
            raise ValueError(f"it has {image.size} pixels, and {(width, height)} were expected")
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
