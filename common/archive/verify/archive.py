"""One closed archive against its sidecar: every row read, nothing believed that can be recomputed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from common.archive.exchange_held import exchange_of_rows
from common.archive.read import iterate_lines
from common.archive.sidecar import SIDECAR_SCHEMA_VERSION, RowTally, Sidecar, read_sidecar
from common.core.format_version import newer_words
from common.core.instants import utc_text
from common.core.market import Exchange
from common.core.rows.check import row_findings
from common.core.rows.facts import facts_of
from common.core.rows.names import lane_and_sequence
from common.core.rows.reading import Row, row_of
from common.core.verify.accounts import Accounts, ArchiveAccount
from common.core.verify.copy_edge import NO_SIDECAR
from common.core.verify.sequences import Finding
from common.errors import ArchiveError
from common.files import sha256_of

FINDINGS_A_FILE = 20

Progress = Callable[[int], None]


class CheckedArchive(msgspec.Struct, frozen=True):
    """What came of it. `sidecar` is None where it is missing or unreadable; `whole`: read to its end.

    `unreadable` counts lines that are not rows, and a tear; `wrong_rows` rows that are not what they state of
    themselves. `exchange` is the one that its rows are of, None where it has none that can be read.
    """

    path: Path
    sidecar: Sidecar | None
    findings: tuple[Finding, ...]
    rows_by_producer: Mapping[str, int]
    uncompressed_bytes: int
    whole: bool
    unreadable: int
    wrong_rows: int
    exchange: Exchange | None


class ArchiveCheck:
    """The check of one archive; its rows go into `accounts` as well."""

    def __init__(self, path: Path, name: str, accounts: Accounts) -> None:
        self._path, self._name = path, name
        self._findings: list[Finding] = []
        self._surplus = self._unreadable = self._wrong_rows = 0
        self._whole = False
        self._tally = RowTally()
        self._rows_by_producer: Counter[str] = Counter()
        self._uncompressed_bytes = 0
        self._sidecar = self._read_sidecar()
        lane = self._sidecar.lane if self._sidecar else (lane_and_sequence(path.name) or (0, 0))[0]
        self._account = ArchiveAccount(accounts, lane)

    def run(self, progress: Progress) -> CheckedArchive:
        """Read it all; `progress` is told now and then how many rows were read since."""
        for _ in self.rows(progress):
            pass
        return self.result()

    def rows(self, progress: Progress) -> Iterator[Row]:
        """Check row by row, and yield each; a line that is not a row is reported and skipped."""
        try:
            for number, line in enumerate(iterate_lines(self._path), start=1):
                self._uncompressed_bytes += len(line)
                row = self._check_line(number, line)
                if row is not None:
                    yield row
                if not number & 4095:
                    progress(4096)
        except ArchiveError as error:
            self._unreadable += 1
            self._tell("torn", str(error).removeprefix(f"{self._path}: "))
            return
        self._whole = True
        progress(self._tally.rows & 4095)

    def result(self) -> CheckedArchive:
        """What came of it, once `rows` has come to its end."""
        for words in self._account.finish():
            self._tell("sequence", words)
        of_the_file: list[Finding] = []
        if self._sidecar is not None:
            differences = self._file_differences(self._sidecar)
            of_the_file = [Finding("sidecar", self._name, words) for words in differences]
            for words in self._row_differences(self._sidecar) if self._whole else ():
                self._tell("sidecar", words)
        if self._surplus:
            self._findings.append(Finding("row", self._name, f"{self._surplus} more findings in its rows"))
        return CheckedArchive(
            self._path,
            self._sidecar,
            (*of_the_file, *self._findings),  # other bytes explain whatever is wrong with the rows
            self._rows_by_producer,
            self._uncompressed_bytes,
            self._whole,
            self._unreadable,
            self._wrong_rows,
            exchange_of_rows(self._tally.exchange, self._path),
        )

    def _tell(self, kind: str, words: str) -> None:
        if len(self._findings) < FINDINGS_A_FILE:
            self._findings.append(Finding(kind, self._name, words))
        else:
            self._surplus += 1

    def _read_sidecar(self) -> Sidecar | None:
        try:
            sidecar = read_sidecar(self._path)
        except FileNotFoundError:
            self._tell("sidecar", NO_SIDECAR)
        except (OSError, msgspec.DecodeError) as error:
            self._tell("sidecar", f"its sidecar cannot be read: {error}")
        else:
            if sidecar.schema_version > SIDECAR_SCHEMA_VERSION:
                version, wrote = sidecar.schema_version, sidecar.program_version
                words = newer_words("schema_version", version, SIDECAR_SCHEMA_VERSION, wrote)
                self._tell("sidecar", f"of its sidecar: {words}")
            return sidecar
        return None

    def _check_line(self, number: int, line: bytes) -> Row | None:
        try:
            row = row_of(line)
        except ArchiveError as error:
            self._unreadable += 1
            self._tell("row", f"row {number}: {error}")
            return None
        wrong = row_findings(row)
        self._wrong_rows += bool(wrong)
        for words in wrong:
            self._tell("row", f"row {number}: {words}")
        if (stated := row.stated_exchange) != (known := self._tally.exchange) and stated and known:
            self._tell("exchange", f"row {number}: is {stated} data, those before it are {known} data")
        self._rows_by_producer[row.producer] += 1
        self._tally.add(row.producer, facts_of(row))
        for words in self._account.take(row):
            self._tell("row", f"row {number}: {words}")
        return row

    def _file_differences(self, sidecar: Sidecar) -> Iterator[str]:
        yield from _difference("archive", sidecar.archive, self._path.name)
        yield from _difference("bytes", sidecar.bytes, self._path.stat().st_size)
        yield from _difference("sha256", sidecar.sha256, sha256_of(self._path))

    def _row_differences(self, sidecar: Sidecar) -> Iterator[str]:
        tally = self._tally
        yield from _difference("rows", sidecar.rows, tally.rows)
        yield from _difference("uncompressed_bytes", sidecar.uncompressed_bytes, self._uncompressed_bytes)
        first, last = utc_text(tally.first_received_at_ns), utc_text(tally.last_received_at_ns)
        yield from _difference("first_received_at_utc", sidecar.first_received_at_utc, first)
        yield from _difference("last_received_at_utc", sidecar.last_received_at_utc, last)
        for name in ("exchange", "leg", "host"):
            yield from _difference(name, getattr(sidecar, name), getattr(tally, name))
        yield from _difference("gaps", len(sidecar.gaps), len(tally.gaps))
        if len(sidecar.gaps) == len(tally.gaps) and list(sidecar.gaps) != tally.gaps:
            yield "its sidecar lists other gaps than its rows"
        told = {(session.producer, session.session_id): session for session in sidecar.sessions}
        for key in sorted({*told, *tally.sessions}):
            if told.get(key) != tally.sessions.get(key):
                yield f"its sidecar lists session {key[1]} what its rows do not: {told.get(key)}"
        rows = {producer: part.rows for producer, part in sidecar.producers.items()}
        for producer in sorted({*rows, *self._rows_by_producer}):
            here = self._rows_by_producer[producer]
            yield from _difference(f"rows of {producer}", rows.get(producer, 0), here)
        yield from self._name_differences(sidecar)

    def _name_differences(self, sidecar: Sidecar) -> Iterator[str]:
        """The names of the runtime's archives tell lane and first lane sequence."""
        told = lane_and_sequence(self._path.name)
        if told is not None and len(sidecar.producers) == 1:
            [part] = sidecar.producers.values()
            yield from _difference("lane", sidecar.lane, told[0])
            yield from _difference("first_lane_sequence", part.first_lane_sequence, told[1])


def _difference(what: str, told: object, found: object) -> Iterator[str]:
    if told != found:
        yield f"its sidecar says {what} {told}, found {found}"
