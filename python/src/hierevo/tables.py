"""Tables: columns of equal length, and what pandas makes of them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]
"""Arrays of equal length by the names of columns, in their order."""


def frame_of(columns: Columns) -> Any:
    """A pandas.DataFrame of the columns; where pandas is not installed, the columns as they are.

    Either way, `table["NAME"]` is a column.
    """
    try:
        import pandas  # noqa: PLC0415
    except ImportError:
        return columns
    return pandas.DataFrame(columns)
