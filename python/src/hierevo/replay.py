"""The latest state of a search: a snapshot and what its journals say happened since."""

from __future__ import annotations

from hierevo.checksums import crc32c
from hierevo.errors import MissingFileError
from hierevo.files import PathLike
from hierevo.hashes import combine, hash_text
from hierevo.individuals import CandidateRecord, Evaluation, Individual
from hierevo.journal import ASKED, BEGUN, TOLD, Header, Journal, read_header, read_journal
from hierevo.record_bytes import (
    Bad,
    ByteReader,
    candidate_bytes,
    checksum_of,
    evaluation_bytes,
    read_candidate,
    read_evaluation,
)
from hierevo.snapshot import SavedSearch, Settings, kept_names, load_snapshot
from hierevo.space_genes import largest_genes


def load_search(snapshot: PathLike, journal: PathLike) -> SavedSearch:
    """The search as its files say, which a running search may be writing.

    What cannot be used of them is in its `warnings`. Raises MissingFileError when there is no
    search, NewerVersionError, and FileError when none of the snapshots can be used.
    """
    # Journals before the snapshot, and the newest first: what a running search may rotate meanwhile
    # is then read twice, never missed.
    journals = []
    for name in kept_names(journal):
        try:
            journals.append(read_journal(name))
        except MissingFileError:
            continue
    saved = load_snapshot(snapshot)
    replay = Replay(saved)
    for one in _in_order(journals, saved.incarnation):
        saved.warnings += replay.take_journal(one)
    saved.in_flight = [replay.in_flight[id_] for id_ in sorted(replay.in_flight)]
    return saved


def _in_order(newest_first: list[Journal], since: int) -> list[Journal]:
    """As they were written, without those of starts before the snapshot's, which came too late."""

    def incarnation(journal: Journal) -> int:
        header = journal.header
        return since if header is None else header.incarnation

    return sorted(
        (one for one in reversed(newest_first) if incarnation(one) >= since), key=incarnation
    )


def run_identity(settings: Settings) -> int:
    """Equal for all starts of a run: of the options that may not change between them."""
    tournament = repr(settings.tournament)
    if tournament.endswith(".0"):
        tournament = tournament[:-2]
    text = (
        f"{settings.space} {settings.algorithm} {settings.population} {tournament} "
        f"{settings.seed} {settings.start_mutations}"
    )
    # Journals of before there were other objectives are of the fitness alone.
    return hash_text(text if settings.objectives == "fitness" else f"{text} {settings.objectives}")


class Replay:
    """A state to which the events of journals are added, the oldest journal first."""

    def __init__(self, saved: SavedSearch) -> None:
        """Adds to the history of `saved`; its candidates in flight are `in_flight`, by id."""
        self.in_flight: dict[int, CandidateRecord] = {one.id: one for one in saved.in_flight}
        self._history = saved.history
        self._places = {one.id: place for place, one in enumerate(saved.history)}
        self._run = run_identity(saved.settings)
        self._largest_genes = largest_genes(saved.settings.space)
        self._incarnation = saved.incarnation
        self._position = 0  # in the history, of the next result of this journal
        self._checksums: list[
            int
        ] = []  # of the individuals of the history, as far as they were needed

    def take_journal(self, journal: Journal) -> list[str]:
        """Adds its events up to the first that does not follow; returns warnings."""
        warnings = []
        if journal.line_is_damaged:
            use = "The rest can be used." if journal.records else "None of it is used."
            warnings.append(f"'{journal.path}': its first line is damaged. {use}")
        end = journal.start
        problem = ""
        for number, record in enumerate(journal.records):
            problem = self._take(record, first=number == 0)
            if problem:
                break
            end = journal.ends[number]
        if not problem and journal.is_damaged:
            problem = "a record is damaged, or one before it is missing"
        if problem:
            warnings.append(f"'{journal.path}': what follows byte {end} is not used ({problem}).")
        return warnings

    def _take(self, record: bytes, first: bool) -> str:
        """Why the record does not follow what is known, or an empty text."""
        if first:
            if record[0] != BEGUN:
                return "it does not begin with its header"
            header = read_header(record)
            return "its header is impossible" if header is None else self._take_header(header)
        data = ByteReader(record[1:])
        try:
            follows = (record[0] == ASKED and self._take_asked(data)) or (
                record[0] == TOLD and self._take_told(data)
            )
        except Bad:
            follows = False
        return "" if follows else "a record does not follow from those before"

    def _take_header(self, header: Header) -> str:
        if header.told > header.asked:
            return "its header is impossible"
        if header.run != self._run:
            return "it belongs to another run"
        if header.asked > self._asked() or header.told > len(self._history):
            return (
                f"it follows {header.told} evaluations of {header.asked} candidates, but "
                f"{len(self._history)} of {self._asked()} are known"
            )
        if header.digest is not None and header.digest != self._digest(header.asked, header.told):
            return "it follows other evaluations than these"
        if header.incarnation > self._incarnation:
            self._roll_back_to(header)
            self._incarnation = header.incarnation
        self._position = header.told
        return ""

    def _roll_back_to(self, header: Header) -> None:
        """What an earlier start recorded after it had been taken over does not count."""
        for one in self._history[header.told :]:
            del self._places[one.id]
            self.in_flight[one.id] = one.candidate
        del self._history[header.told :]
        del self._checksums[header.told :]
        self.in_flight = {id_: one for id_, one in self.in_flight.items() if id_ <= header.asked}

    def _take_asked(self, data: ByteReader) -> bool:
        candidate = read_candidate(data, self._largest_genes)
        data.require_end()
        known = self._find(candidate.id)
        if known is not None:
            return known == candidate
        # Candidates are numbered without a gap, and made from all that is known: otherwise events
        # are missing.
        now = len(self._history)
        follows = (
            candidate.id == self._asked() + 1
            and self._position == now
            and candidate.known in (None, now)
            and (candidate.parent is None or candidate.parent in self._places)
        )
        if follows:
            self.in_flight[candidate.id] = candidate
        return follows

    def _take_told(self, data: ByteReader) -> bool:
        id_ = data.u64()
        checksum = data.u32()
        evaluation = read_evaluation(data)
        candidate = self._find(id_)
        if candidate is None or checksum_of(candidate) != checksum:
            return False
        position = self._position
        self._position += 1
        if position < len(self._history):
            there = self._history[position]
            return there.id == id_ and _same(there, evaluation)
        if id_ not in self.in_flight:
            return False
        self._places[id_] = position
        self._history.append(Individual.of(self.in_flight.pop(id_), evaluation))
        return True

    def _asked(self) -> int:
        return len(self._history) + len(self.in_flight)

    def _find(self, id_: int) -> CandidateRecord | None:
        if id_ in self.in_flight:
            return self.in_flight[id_]
        place = self._places.get(id_)
        return None if place is None else self._history[place].candidate

    def _digest(self, asked: int, told: int) -> int:
        """Equal for equal beginnings of a search: its first `told` evaluations, and those of the
        first `asked` candidates that have none of these.
        """
        for one in self._history[len(self._checksums) : told]:
            self._checksums.append(crc32c(candidate_bytes(one) + evaluation_bytes(one)))
        digest = told
        for checksum in self._checksums[:told]:
            digest = combine(digest, checksum)
        waiting = [*self._history[told:], *self.in_flight.values()]
        for candidate in sorted(waiting, key=lambda one: one.id):
            if candidate.id <= asked:
                digest = combine(combine(digest, candidate.id), checksum_of(candidate))
        return digest


def _same(a: Evaluation, b: Evaluation) -> bool:
    """Compares bytes: a loss may be NaN."""
    return evaluation_bytes(a) == evaluation_bytes(b)
