"""What an evaluation may have, for those who make evaluations and those who read them."""

from __future__ import annotations

import re

LONGEST_REASON = 4096
MOST_REPEATS = 1000
MOST_METRICS = 64
OTHER_NUMBERS = ("fitness", "parameters", "macs")
"""What individuals have besides metrics, and is compared like them."""
METRIC_NAME_RULE = (
    "a name begins with a letter, has letters, digits and _ - . /, 64 at most, and is none of "
    f"{', '.join(OTHER_NUMBERS)}"
)
_METRIC_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,63}")


def is_metric_name(name: object) -> bool:
    """Whether a metric may have this name, by METRIC_NAME_RULE."""
    usable = isinstance(name, str) and _METRIC_NAME.fullmatch(name) is not None
    return usable and name not in OTHER_NUMBERS
