"""`python -m hierevo.serve_function MODULE:FUNCTION` serves a function that can be imported."""

from __future__ import annotations

import sys

from hierevo.importable import import_function
from hierevo.serving import serve_by, take_standard_streams

if __name__ == "__main__":
    # Before the import, which may print.
    reading, writing = take_standard_streams()
    serve_by(import_function(sys.argv[1]), reading, writing, name=sys.argv[1], fields=("genotype",))
