"""The version of hierevo, the same as that of the programs."""

version = "0.1.0"
