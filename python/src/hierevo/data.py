"""Data sets that `hierevo prepare` has made."""

from __future__ import annotations

import os

from hierevo.data_pack import DataPack
from hierevo.files import PathLike
from hierevo.image_shards import ImageShards


def open_data(path: PathLike) -> DataPack | ImageShards:
    """A data pack, or a folder of image shards.

    `train` and `test` of what it returns are sequences of pixels with labels. Raises
    MissingFileError when there is none, FileError when it cannot be used, and NewerVersionError
    when a newer hierevo wrote it.
    """
    return ImageShards(path) if os.path.isdir(path) else DataPack(path)
