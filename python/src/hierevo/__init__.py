"""Read hierevo's runs, build its networks, evaluate its candidates with your own Python code."""

from hierevo._version import version as __version__

__all__ = ["__version__"]
