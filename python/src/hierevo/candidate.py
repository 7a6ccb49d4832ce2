"""What an evaluation function gets to evaluate."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hierevo.errors import UsageError

if TYPE_CHECKING:
    from hierevo.genotype import Genotype

_SECONDS = "evaluation-seconds"  # says how long a half-trained candidate has taken


class Candidate:
    """A genotype that is to be evaluated.

    id: its number in the run. seed: 64 bits, from which all randomness should be taken.
    memory_parts: 1, and after an evaluation ran out of memory 2, 4, 8 and 16: cut each batch into
    so many parts, adding up their gradients.
    """

    __slots__ = (
        "_begun",
        "_earlier",
        "_folder",
        "_genotype",
        "_message",
        "id",
        "memory_parts",
        "seed",
    )

    def __init__(self, message: Mapping[str, Any]) -> None:
        """From the members of a `candidate` message of the evaluator protocol."""
        self.id: int = message["id"]
        self.seed: int = message["seed"]
        self.memory_parts: int = message.get("memory_parts", 1)
        self._folder: str | None = message.get("folder")
        self._message = message
        self._genotype: Genotype | None = None
        self._begun = time.monotonic()
        self._earlier: float | None = None

    @property
    def genotype(self) -> Genotype:
        """The genotype (section 2 of the paper)."""
        if self._genotype is None:
            from hierevo.genotype import Genotype  # noqa: PLC0415

            self._genotype = Genotype.from_json(self._member("genotype"))
        return self._genotype

    @property
    def cell(self) -> dict[str, Any]:
        """The assembled cell: its `nodes`, each with `kind` and `operands`, and its `output`.

        Only for functions that are served with "cell" in `fields`.
        """
        cell: dict[str, Any] = self._member("cell")
        return cell

    @property
    def folder(self) -> pathlib.Path | None:
        """The candidate's own folder, for half-trained states; made when it is first asked for.

        When the search is resumed, the candidate comes again and finds what is there. Once it has a
        result the folder is removed. None where there is no run.
        """
        if self._folder is None:
            return None
        path = pathlib.Path(self._folder)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def saved(self, name: str) -> pathlib.Path | None:
        """The path of what saving(name) has written; None if there is nothing."""
        if self._folder is None:
            return None
        path = pathlib.Path(self._folder, name)
        return path if path.exists() else None

    @contextlib.contextmanager
    def saving(self, name: str) -> Iterator[pathlib.Path]:
        """Gives a path to write to, and makes it the file `name` of the folder once all is written.

        An evaluation that is killed leaves the old file or the new one, never half of one, also
        while another process evaluates the same candidate. Where there is no folder, what is
        written is thrown away.
        """
        folder = self.folder
        if folder is None:
            with tempfile.TemporaryDirectory() as nowhere:
                yield pathlib.Path(nowhere, name)
            return
        with _replacing(folder / name) as partial:
            yield partial
        seconds = self.seconds  # asks for the earlier ones before they are overwritten
        with _replacing(folder / _SECONDS) as partial:
            partial.write_text(f"{seconds}\n")

    @property
    def earlier_seconds(self) -> float:
        """How long it was evaluated before the search was resumed, up to the last saving()."""
        if self._earlier is None:
            path = self.saved(_SECONDS)
            self._earlier = float(path.read_text()) if path else 0.0
        return self._earlier

    @property
    def seconds(self) -> float:
        """How long it has been evaluated, with what was before the search was resumed."""
        return self.earlier_seconds + time.monotonic() - self._begun

    def seed_all(self) -> None:
        """Seeds the global generators of random, and of numpy and torch where they are imported."""
        random.seed(self.seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(self.seed % 2**32)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(self.seed)

    def _member(self, name: str) -> Any:
        if name not in self._message:
            raise UsageError(
                f"This candidate has no {name}",
                "serve() did not ask for it",
                f'Name "{name}" in its fields.',
            )
        return self._message[name]


@contextlib.contextmanager
def _replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives another path, and renames what was written there once its last byte is on the disk.

    No two are the same: a rank that the search takes for lost may still evaluate the candidate that
    another one has been given. The suffix remains, by which some writers choose a format.
    """
    partial = path.with_name(f"tmp-{secrets.token_hex(8)}-{path.name}")
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
