"""Functions that other Python processes can import."""

from __future__ import annotations

import importlib
import os
import pathlib
import sys
import sysconfig
from collections.abc import Callable
from typing import Any


def name_of(function: Callable[..., Any]) -> str | None:
    """MODULE:FUNCTION, by which another process can import it; None for functions of a notebook, of
    the script that runs, and for those without a name of their own.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if module is None or name is None or module == "__main__":
        return None
    if getattr(sys.modules.get(module), "__file__", None) is None:
        return None
    try:
        return f"{module}:{name}" if import_function(f"{module}:{name}") is function else None
    except (AttributeError, ImportError):
        return None


def import_function(name: str) -> Callable[..., Any]:
    """The function with such a name."""
    module, _, attributes = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    function: Callable[..., Any] = found
    return function


def search_path() -> str:
    """PYTHONPATH for another process of this Python to import what this one can."""
    own = pathlib.Path(__file__).resolve().parents[1]
    library = sysconfig.get_path("stdlib")
    found = [os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)]
    return os.pathsep.join([*[path for path in found if not path.startswith(library)], str(own)])
