"""Ledgers against what they are about: recomputed from the archives as those are checked, and compared.

A ledger is compared only where all that it was made of is there and sound: what is missing or spoiled is reported
as that, once.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.hours import HourArchive, hour_archive, note_closed, part_of
from common.archive.journal import JournalLine
from common.archive.ledger import (
    HourAccount,
    has_two_legs,
    read_ledger,
    read_older_ledger,
    stored_ledgers,
    told_archives,
)
from common.archive.upload_records import has_left, was_uploaded
from common.archive.verify.archive import ArchiveCheck, CheckedArchive, Progress
from common.archive.verify.ledger_differences import differences
from common.core.audit.divergence import AUDITOR, Divergence
from common.core.events.not_understood import Unused
from common.core.instants import parse_utc_ns
from common.core.ledger.document import AnyLedger, OlderLedger, Window
from common.core.ledger.later import Later
from common.core.rows.names import BOOK_STREAMS, ledger_path, window_start_of
from common.core.rows.order import in_recorded_order
from common.core.verify.accounts import Accounts
from common.core.verify.copy_edge import CopyEdge
from common.core.verify.sequences import Finding


class HourSummary(msgspec.Struct, frozen=True):
    """A ledger in one line; `tokens` counts them by condition, `compared` says whether it was recomputed.

    `unusable` is what could not be read of its hour.
    """

    stream: str
    from_utc: str
    condition: str
    tokens: Mapping[str, int]
    compared: bool
    unusable: tuple[Unused, ...] = ()


class LedgerCheck:
    """Checks the archives of a data root window by window, and with them the ledgers there are."""

    def __init__(
        self,
        data_root: Path,
        paths: Iterable[Path],
        journals: Mapping[int, JournalLine],
        *,
        partial: bool,
        edge: CopyEdge | None,
    ) -> None:
        self.findings: list[Finding] = []
        self.hours: list[HourSummary] = []
        self.divergences: list[Divergence] = []
        self._root, self._partial, self._edge = data_root, partial, edge
        self._stored = {stream: stored_ledgers(data_root, stream) for stream in BOOK_STREAMS}
        self._later = Later()
        self._others: list[Path] = []
        self._windows: dict[int, list[HourArchive]] = {}
        for path in paths:
            archive = hour_archive(path)
            if archive is None:
                self._others.append(path)
                continue
            self._windows.setdefault(archive.window_start_ns, []).append(archive)
            note_closed(self._later, archive)
        open_ones = (
            file.path.rpartition("/")[2]
            for line in journals.values()
            for file in line.files
            if not (data_root / file.path).exists() and not was_uploaded(data_root, file.path)
        )
        self._open_from_ns = min((window_start_of(each) or 0 for each in open_ones), default=1 << 63)
        self._uncompared = Counter[str]()

    def run(
        self, name: Callable[[Path], str], accounts: Accounts, progress: Progress
    ) -> list[CheckedArchive]:
        """Check every archive, window after window."""
        checked = [ArchiveCheck(path, name(path), accounts).run(progress) for path in self._others]
        for start_ns, archives in sorted(self._windows.items()):
            checks = {each.path: ArchiveCheck(each.path, name(each.path), accounts) for each in archives}
            checked += self._check_window(start_ns, archives, checks, progress)
        for stream, stored in self._stored.items():
            self._look_for_missing(stream, stored)
            for start_ns in sorted(set(stored) - set(self._windows)):
                self._read(stream, start_ns)
        self.hours.sort(key=lambda hour: (hour.from_utc, hour.stream))
        return checked

    @property
    def notes(self) -> Iterator[str]:
        """Why ledgers were not compared, and how many; and what their hours hold that cannot be read."""
        for reason, ledgers in sorted(self._uncompared.items()):
            yield f"{ledgers} ledgers were not compared: {reason}"
        yield from self._unusable_notes()

    def _unusable_notes(self) -> Iterator[str]:
        by_reason: dict[str, list[tuple[HourSummary, Unused]]] = {}
        for hour in self.hours:
            for each in hour.unusable:
                by_reason.setdefault(each.reason, []).append((hour, each))
        for reason, found in sorted(by_reason.items()):
            count, (first, unused) = sum(each.events for _, each in found), found[0]
            where = f"in {len(found)} ledgers from {first.from_utc} on"
            counted = "1 event" if count == 1 else f"{count:,} events"
            yield f"{counted} cannot be read, {where}: {reason}, for example {unused.example}"

    def _check_window(
        self,
        start_ns: int,
        archives: Sequence[HourArchive],
        checks: Mapping[Path, ArchiveCheck],
        progress: Progress,
    ) -> list[CheckedArchive]:
        stored = {
            stream: ledger for stream in BOOK_STREAMS if (ledger := self._load(stream, start_ns)) is not None
        }
        if not stored and not any(f"_{AUDITOR}-" in each.path.name for each in archives):
            return [checks[each.path].run(progress) for each in archives]
        one = next(iter(stored.values()), None)
        window = (
            Window(parse_utc_ns(one.from_utc), parse_utc_ns(one.to_utc)) if one else Window(start_ns, 1 << 63)
        )
        account = HourAccount(window, two_legs=has_two_legs(archives))
        parts = (part_of(each, partial(checks[each.path].rows, progress)) for each in archives)
        for row in in_recorded_order(parts):
            account.take(*row)
        checked = [checks[each.path].result() for each in archives]
        self.divergences += account.divergences
        if not stored:
            return checked
        reason = self._why_not(window, account, checked) or _unlike_archives(stored.values(), archives)
        computed = account.finish(self._later, archives, ())
        for stream, ledger in stored.items():
            self._compare(ledger, computed[stream], reason)
        return checked

    def _why_not(self, window: Window, account: HourAccount, checked: Sequence[CheckedArchive]) -> str:
        """Why the ledgers of a window cannot be compared; empty if they can."""
        if any(each.findings for each in checked):
            return "an archive of their hour has findings"
        if self._open_from_ns <= window.to_ns:
            return "what follows their hour is still open"
        if self._edge is not None and not self._edge.is_sure(window.to_ns):
            return "what follows their hour is not in this copy yet"
        if self._partial and account.unended and window.to_ns not in self._windows:
            return "the archives that follow their hour are not here"
        return ""

    def _compare(self, ledger: AnyLedger, computed: AnyLedger, reason: str) -> None:
        if reason:
            self._uncompared[reason] += 1
        self.hours.append(_summary(ledger, ledger.unusable, compared=not reason))
        where = ledger_path(ledger.stream, parse_utc_ns(ledger.from_utc))
        if not reason:
            self.findings += [Finding("ledger", where, words) for words in differences(ledger, computed)]

    def _read(self, stream: str, start_ns: int) -> None:
        ledger = self._load(stream, start_ns)
        if ledger is not None:
            reason = "an archive of their hour is not here" if ledger.archives else ""
            self._uncompared.update([reason] if reason else [])
            self.hours.append(_summary(ledger, ledger.unusable, compared=not reason))

    def _load(self, stream: str, start_ns: int) -> AnyLedger | None:
        path = self._stored[stream].get(start_ns)
        if path is None:
            return None
        try:
            if (older := read_older_ledger(path)) is not None:
                self._uncompared["an earlier version of this program wrote them"] += 1
                self.hours.append(_summary(older, (), compared=False))
                return None
            ledger = read_ledger(path)
            if (ledger.stream, parse_utc_ns(ledger.from_utc)) != (stream, start_ns):
                self._tell(stream, start_ns, f"is about {ledger.stream} from {ledger.from_utc}")
                return None
            parse_utc_ns(ledger.to_utc)
        except (OSError, msgspec.DecodeError, ValueError) as error:
            self._tell(stream, start_ns, f"cannot be read: {error}")
            return None
        return ledger

    def _look_for_missing(self, stream: str, stored: Mapping[int, Path]) -> None:
        """They are written in the order of time: one that is missing before the last one was there."""
        for start_ns in sorted(set(self._windows) - set(stored)):
            between = not self._partial and stored and min(stored) < start_ns < max(stored)
            if between and not has_left(self._root, start_ns):
                self._tell(stream, start_ns, "is missing, though a later hour has its ledger")

    def _tell(self, stream: str, start_ns: int, words: str) -> None:
        self.findings.append(Finding("ledger", ledger_path(stream, start_ns), words))


def _unlike_archives(ledgers: Collection[AnyLedger], archives: Sequence[HourArchive]) -> str:
    """Why archives are not those that the ledgers of a window were made of; empty if they are.

    The streams are judged together: books are checked with what REST answered, so that a ledger of one stream
    depends on the archives of the other.
    """
    streams = {ledger.stream for ledger in ledgers}
    names = {each.name for ledger in ledgers for each in ledger.archives}
    here = {each.name for stream in streams for each in told_archives(archives, stream)}
    if names - here:
        return "an archive of their hour is not here"
    return "an archive of their hour came after them" if here - names else ""


def _summary(ledger: AnyLedger | OlderLedger, unusable: tuple[Unused, ...], *, compared: bool) -> HourSummary:
    tokens = Counter[str](token.condition for token in ledger.tokens)
    return HourSummary(ledger.stream, ledger.from_utc, ledger.condition, dict(tokens), compared, unusable)
