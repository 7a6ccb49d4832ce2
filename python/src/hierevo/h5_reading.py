"""Reading HDF5 files that may be damaged or made to do harm: every type, shape and size is checked
before values are read, and nothing leads to other files.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from hierevo.errors import FileError, HierevoError, MissingFileError
from hierevo.files import PathLike

Array = npt.NDArray[Any]

PACKING_OF_TABLES = 16
"""Bytes of values that are read for each byte of a file, at most."""
PACKING_OF_IMAGES = 256
_ALWAYS = 1 << 20
_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_LARGEST_EXPANSION = 1100  # of deflate; its own limit is 1032
_LARGEST_CHUNK = 1 << 28
_LONGEST_ATTRIBUTE = 1 << 20
_LONGEST_FIXED_TEXT = 4096
_TEXT_SIZE = struct.calcsize("P")  # in memory, of a text of variable length


class Unusable(Exception):
    """What is wrong with the content of a file; opened() adds which."""


@contextlib.contextmanager
def reading(path: PathLike, suggestion: str = "") -> Iterator[None]:
    """Turns whatever goes wrong with the content of a file into a FileError about it."""
    try:
        yield
    except (HierevoError, MemoryError):
        raise
    except Unusable as error:
        raise FileError(path, str(error), suggestion) from None
    except Exception as error:  # h5py raises many kinds
        raise FileError(path, f"HDF5 cannot read it ({error})", suggestion) from error


@contextlib.contextmanager
def opened_bytes(content: bytes, path: PathLike) -> Iterator[Node]:
    """The root of an HDF5 file in memory. `path` is for messages. Raises FileError."""
    with reading(path), h5py.File(io.BytesIO(content), "r") as file:
        yield Node(file, Budget(len(content), PACKING_OF_TABLES))


@contextlib.contextmanager
def opened_file(path: PathLike, suggestion: str) -> Iterator[Node]:
    """The root of an HDF5 file with images. Takes no lock. Raises FileError."""
    size = _require_file(path)
    with reading(path, suggestion), open_unlocked(path) as file:
        yield Node(file, Budget(size, PACKING_OF_IMAGES))


def open_unlocked(path: PathLike, cache: int = 1 << 20) -> h5py.File:
    """Opens the file, with `cache` bytes for the chunks of each dataset; h5py's errors.

    Without a lock, which some file systems do not have; one that a build of HDF5 without that
    choice takes hinders no other reader.
    """
    slots = 10007  # a prime number, as HDF5 advises, more than chunks fit into the cache
    options = {"rdcc_nbytes": cache, "rdcc_nslots": slots}
    try:
        return h5py.File(os.fspath(path), "r", locking=False, **options)
    except (TypeError, ValueError):
        return h5py.File(os.fspath(path), "r", **options)


def _require_file(path: PathLike) -> int:
    """Its length. HDF5 would wait for the other end of a pipe."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(path, "there is no such file") from error
    except OSError as error:
        raise FileError(path, f"it cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode):
        raise FileError(path, "it is not a regular file")
    if not os.access(path, os.R_OK):
        raise FileError(path, "it cannot be read (permission denied)")
    return status.st_size


class Budget:
    """How many bytes of values may still be read of a file."""

    def __init__(self, file_bytes: int, packing: int) -> None:
        """For a file of `file_bytes`."""
        self.file_bytes = file_bytes
        self.left = _ALWAYS + packing * file_bytes

    def take(self, count: int, what: str) -> None:
        """Raises Unusable where it does not suffice."""
        if count > self.left:
            raise Unusable(f"{what} has {count} bytes of values, too many for a file of its length")
        self.left -= count


class Node:
    """A group of an HDF5 file. All methods raise Unusable or errors of h5py."""

    def __init__(self, group: h5py.Group, budget: Budget) -> None:
        """`budget` is shared by all groups of a file."""
        self._group = group
        self.budget = budget

    def has(self, name: str) -> bool:
        """Whether there is a dataset or a group of that name."""
        return name in self._group

    def names(self) -> list[str]:
        """Of all members."""
        return list(self._group)

    def group(self, name: str) -> Node:
        """The group of that name."""
        member = self._member(name)
        if not isinstance(member, h5py.Group):
            raise Unusable(f"{self.path_of(name)} is no group")
        return Node(member, self.budget)

    def path_of(self, name: str) -> str:
        """For messages."""
        return f"{str(self._group.name).rstrip('/')}/{name}"

    def dataset(
        self, name: str, dtype: npt.DTypeLike, dimensions: int, rows: int | None = None
    ) -> h5py.Dataset:
        """A dataset of numbers whose values can be read, of that type and number of rows."""
        dataset = self._dataset(name, dimensions, rows)
        wanted = np.dtype(dtype)
        found = dataset.dtype.newbyteorder("=")
        if found != wanted or dataset.dtype.metadata is not None:
            raise Unusable(f"{self.path_of(name)} has a wrong type ({found} instead of {wanted})")
        self._check_storage(dataset, name)
        return dataset

    def array(
        self, name: str, dtype: npt.DTypeLike, dimensions: int = 1, rows: int | None = None
    ) -> Array:
        """The values of a dataset of that type."""
        return self._values(self.dataset(name, dtype, dimensions, rows), name).astype(
            dtype, copy=False
        )

    def any_array(self, name: str, dtype: npt.DTypeLike) -> Array:
        """The same of any number of dimensions."""
        dimensions = len(getattr(self._member(name), "shape", ()))
        return self.array(name, dtype, dimensions)

    def statuses(self, name: str, rows: int, names: Sequence[str]) -> Array:
        """The values of an enumeration over u8 that has `names` in their order."""
        dataset = self._dataset(name, 1, rows)
        values = h5py.check_enum_dtype(dataset.dtype) or {}
        if dataset.dtype.itemsize != 1 or any(values.get(n) != i for i, n in enumerate(names)):
            raise Unusable(f"{self.path_of(name)} is not the enumeration that it should be")
        self._check_storage(dataset, name)
        return self._values(dataset, name)

    def texts(self, name: str, rows: int | None = None) -> list[str]:
        """The texts, of variable length, of a dataset."""
        dataset = self._dataset(name, 1, rows)
        _require_text(dataset.id.get_type(), self.path_of(name))
        if len(dataset) > self.budget.file_bytes:
            raise Unusable(f"{self.path_of(name)} has more texts than the file has bytes")
        self._check_storage(dataset, name)
        found = [bytes(text).decode("utf-8", "replace") for text in self._values(dataset, name)]
        if sum(map(len, found)) > self.budget.file_bytes:
            raise Unusable(f"{self.path_of(name)} has longer texts than the file")
        return found

    def fixed_texts(self, name: str) -> list[str]:
        """The texts, of a fixed length, of a dataset."""
        dataset = self._dataset(name, 1, None)
        _require_fixed_text(dataset.dtype, self.path_of(name))
        self._check_storage(dataset, name)
        return [_text_in(bytes(text)) for text in self._values(dataset, name)]

    def attribute(self, name: str, dtype: npt.DTypeLike) -> int | float:
        """A number."""
        found = self._attribute(name)
        wanted = np.dtype(dtype)
        if found.dtype.newbyteorder("=") != wanted:
            what = f"the attribute '{name}' of {self._group.name}"
            raise Unusable(f"{what} has a wrong type ({found.dtype} instead of {wanted})")
        value: int | float = np.asarray(self._group.attrs[name]).reshape(()).item()
        return value

    def has_attribute(self, name: str) -> bool:
        """Whether there is one of that name."""
        return name in self._group.attrs

    def text(self, name: str) -> str:
        """The text, of variable length, of an attribute."""
        _require_text(self._attribute(name).get_type(), f"the attribute '{name}'")
        value = np.asarray(self._group.attrs[name]).reshape(()).item()
        text = value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
        if len(text) > _LONGEST_ATTRIBUTE:
            raise Unusable(f"the attribute '{name}' is longer than {_LONGEST_ATTRIBUTE} characters")
        # What is no UTF-8 is read as surrogates.
        return text.encode("utf-8", "replace").decode()

    def fixed_text(self, name: str) -> str:
        """The text, of a fixed length, of an attribute."""
        _require_fixed_text(self._attribute(name).dtype, f"the attribute '{name}'")
        return _text_in(bytes(np.asarray(self._group.attrs[name]).reshape(()).item()))

    def _attribute(self, name: str) -> Any:
        """Its low-level object, of a single value."""
        if not self.has_attribute(name):
            raise Unusable(f"the attribute '{name}' of {self._group.name} is missing")
        found = self._group.attrs.get_id(name)
        if found.shape is None or math.prod(found.shape) != 1:
            raise Unusable(f"the attribute '{name}' of {self._group.name} is not a single value")
        return found

    def _member(self, name: str) -> Any:
        if not self.has(name):
            raise Unusable(f"{self.path_of(name)} is missing")
        if not isinstance(self._group.get(name, getlink=True), h5py.HardLink):
            raise Unusable(f"{self.path_of(name)} is a link to somewhere else")
        return self._group[name]

    def _dataset(self, name: str, dimensions: int, rows: int | None) -> h5py.Dataset:
        dataset = self._member(name)
        if not isinstance(dataset, h5py.Dataset):
            raise Unusable(f"{self.path_of(name)} is no dataset")
        if dataset.shape is None or len(dataset.shape) != dimensions:
            problem = f"has a wrong number of dimensions (not {dimensions})"
            raise Unusable(f"{self.path_of(name)} {problem}")
        if rows is not None and dataset.shape[0] != rows:
            problem = f"has {dataset.shape[0]} rows instead of {rows}"
            raise Unusable(f"{self.path_of(name)} {problem}")
        return dataset

    def _values(self, dataset: h5py.Dataset, name: str) -> Array:
        self.budget.take(dataset.size * dataset.dtype.itemsize, self.path_of(name))
        return np.asarray(dataset[...])

    def _check_storage(self, dataset: h5py.Dataset, name: str) -> None:
        what = self.path_of(name)
        creation = dataset.id.get_create_plist()
        if dataset.is_virtual or creation.get_external_count() > 0:
            raise Unusable(f"{what} lies in other files")
        filters = [creation.get_filter(i)[0] for i in range(creation.get_nfilters())]
        if any(one not in (_DEFLATE, _SHUFFLE, _FLETCHER32) for one in filters):
            raise Unusable(f"{what} is compressed in a way that is not supported")
        if filters.count(_DEFLATE) > 1:
            raise Unusable(f"{what} is compressed twice")
        stored = min(dataset.id.get_storage_size(), self.budget.file_bytes)
        values = dataset.size * dataset.id.get_type().get_size()
        if values > stored * (_LARGEST_EXPANSION if filters else 1):
            raise Unusable(f"{what} has a shape of {values} bytes but only {stored} stored ones")
        if dataset.chunks is None:
            return
        chunk = math.prod(dataset.chunks) * dataset.id.get_type().get_size()
        if chunk > min(_LARGEST_CHUNK, self.budget.left):
            raise Unusable(f"{what} has chunks that are too large")
        counts = (-(-size // step) for size, step in zip(dataset.shape, dataset.chunks))
        if math.prod(counts) > stored:
            raise Unusable(f"{what} has more chunks than stored bytes")
        if _DEFLATE in filters:
            _require_honest_chunks(dataset, chunk, what)


def _require_honest_chunks(dataset: h5py.Dataset, chunk: int, what: str) -> None:
    """HDF5 unpacks a whole chunk before it checks how large the result is."""
    starts = (range(0, size, step) for size, step in zip(dataset.shape, dataset.chunks))
    checksum_bytes = 4
    for start in itertools.product(*starts):
        if dataset.id.get_chunk_info_by_coord(start).byte_offset is None:
            continue
        _, packed = dataset.id.read_direct_chunk(start)
        unpacked = zlib.decompressobj()
        # One that is damaged is HDF5's to refuse.
        with contextlib.suppress(zlib.error):
            if (
                len(unpacked.decompress(packed, chunk + checksum_bytes + 1))
                > chunk + checksum_bytes
            ):
                raise Unusable(f"{what} has a chunk that unpacks to more than its values")


def _require_text(kind: Any, what: str) -> None:
    """Of variable length."""
    is_text = isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str()
    if not is_text or kind.get_size() != _TEXT_SIZE:
        raise Unusable(f"{what} has a wrong type (not text of variable length)")


def _require_fixed_text(dtype: Any, what: str) -> None:
    kind = h5py.check_string_dtype(dtype)
    if kind is None or kind.length is None or kind.length > _LONGEST_FIXED_TEXT:
        raise Unusable(f"{what} has a wrong type (not text of a fixed length)")


def _text_in(padded: bytes) -> str:
    return padded.partition(b"\0")[0].decode("utf-8", "replace")
