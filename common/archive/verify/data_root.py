"""Re-reads closed archives and says what is not as promised: files, sidecars, rows, sequences, coverage."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from common.archive.journal import JournalLine, read_journals
from common.archive.read import closed_archives
from common.archive.sidecar import Sidecar, read_sidecar
from common.archive.upload_records import removed_unproved, sidecars_away
from common.archive.verify.archive import ArchiveCheck, CheckedArchive, Progress
from common.archive.verify.copies import copy_edge, is_to_come
from common.archive.verify.exchanges import exchange_findings
from common.archive.verify.ledgers import HourSummary, LedgerCheck
from common.archive.verify.leftovers import below, below_both, leftover_findings
from common.core.audit.divergence import Divergence
from common.core.instants import utc_text
from common.core.market import Exchange
from common.core.number_runs import Run
from common.core.rows.names import (
    ARCHIVE_SUFFIX,
    OPEN_SUFFIX,
    SIDECAR_SUFFIX,
    lane_and_sequence,
    open_path,
)
from common.core.verify.accounts import Accounts
from common.core.verify.copy_edge import CopyEdge
from common.core.verify.coverage import Coverage, coverage, coverage_findings
from common.core.verify.sequences import (
    Finding,
    Known,
    LanePart,
    cut_off_at,
    lane_findings,
    message_findings,
)
from common.locks import RECORDER_LOCK, is_locked


class Verification(msgspec.Struct, frozen=True):
    """What a verification found. `notes` are not findings: what a reader of the coverage should know.

    `exchanges` are those that the archives are of: one, unless there is a finding. `divergences` are those of the
    windows whose books were checked: with a ledger, or with a row of the book auditor. `proved_elsewhere` counts
    archives that were uploaded, proved and removed here.
    """

    paths: tuple[str, ...]
    archives: int
    rows: int
    uncompressed_bytes: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    coverage: Coverage
    hours: tuple[HourSummary, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    divergences: tuple[Divergence, ...] = ()
    proved_elsewhere: int = 0

    @property
    def proves_nothing(self) -> bool:
        """Whether there was no archive to read, nor one that was proved at a remote and is no longer here."""
        return not self.archives and not self.proved_elsewhere


def verify_data_root(data_root: Path, *, partial: bool, progress: Progress) -> Verification:
    """Verify all that lies below a data root; with `partial` it need not begin at the first sequence."""
    live = _is_live(data_root)
    # Before the listing: what closes in between is then known twice, not never.
    journals = read_journals(data_root)
    archives = closed_archives(data_root)
    edge = None if live or journals else copy_edge(archives)
    leftovers = list(leftover_findings(data_root, archives, live=live))
    accounts = Accounts()
    ledgers = LedgerCheck(data_root, _in_turn(archives), journals, partial=partial, edge=edge)
    checked = ledgers.run(lambda path: below(data_root, path), accounts, progress)
    away = sidecars_away(data_root)  # behind the listing: what leaves in between is known twice, not never
    checked = [each for each in checked if each.path not in away]
    known = _known(data_root, checked, journals, away, live=live, partial=partial, edge=edge)
    findings = [finding for each in checked for finding in each.findings] + leftovers + ledgers.findings
    findings += exchange_findings(checked, data_root)
    findings = [finding for finding in findings if edge is None or not is_to_come(finding, edge)]
    findings += [*lane_findings(accounts, known), *message_findings(accounts, known)]
    findings += [] if live else coverage_findings(accounts, known.lost)
    notes = [*_notes(accounts, known, away, removed_unproved(data_root)), *ledgers.notes]
    return msgspec.structs.replace(
        _verification([data_root], checked, findings, notes, accounts, ledgers), proved_elsewhere=len(away)
    )


def verify_paths(paths: Sequence[Path], *, progress: Progress) -> Verification:
    """Verify archives, and those below folders, each by itself: what is missing between them is not asked."""
    archives = {archive for path in paths for archive in _archives_at(path)}
    accounts = Accounts()
    checked = [ArchiveCheck(path, str(path), accounts).run(progress) for path in _in_turn(archives)]
    findings = [each for one in checked for each in one.findings]
    findings += exchange_findings(checked)
    return _verification(paths, checked, findings, [], accounts)


def _archives_at(path: Path) -> Iterator[Path]:
    found = path.rglob(f"*{ARCHIVE_SUFFIX}") if path.is_dir() else (path,)
    return (each for each in found if not each.name.startswith("."))


def _verification(
    paths: Sequence[Path],
    checked: Sequence[CheckedArchive],
    findings: Sequence[Finding],
    notes: Sequence[str],
    accounts: Accounts,
    ledgers: LedgerCheck | None = None,
) -> Verification:
    return Verification(
        paths=tuple(map(str, paths)),
        archives=len(checked),
        rows=sum(sum(each.rows_by_producer.values()) for each in checked),
        uncompressed_bytes=sum(each.uncompressed_bytes for each in checked),
        findings=tuple(findings),
        notes=tuple(notes),
        coverage=coverage(accounts),
        hours=tuple(ledgers.hours if ledgers else ()),
        divergences=tuple(ledgers.divergences if ledgers else ()),
        exchanges=tuple(sorted({each.exchange for each in checked if each.exchange is not None})),
    )


def _is_live(data_root: Path) -> bool:
    try:
        return is_locked(data_root / RECORDER_LOCK)
    except OSError:
        return False  # not to be written, so nobody records here


def _in_turn(archives: Iterable[Path]) -> list[Path]:
    """In the order of stream, window and producer: what belongs together is read one after the other."""
    return sorted(archives, key=lambda path: (path.parent, path.name))


def _known(
    data_root: Path,
    checked: Sequence[CheckedArchive],
    journals: dict[int, JournalLine],
    away: Mapping[Path, Sidecar],
    *,
    live: bool,
    partial: bool,
    edge: CopyEdge | None,
) -> Known:
    parts: list[LanePart] = []
    lost: dict[str, list[Run]] = {}
    for each in checked:
        parts += lane_parts(each)
        if not each.whole:
            _lose(lost, each.sidecar, each)
    for path, sidecar in _sidecars_alone(data_root) if journals else ():
        if path not in away:
            parts += _parts_of_sidecar(sidecar)
            _lose(lost, sidecar, None)
    for sidecar in away.values():
        parts += _parts_of_sidecar(sidecar)
        _lose(lost, sidecar, None)
        for producer in sidecar.producers:
            lost.setdefault(producer, [])  # rows of it are elsewhere, whatever their numbers
    read = {each.path for each in checked} | away.keys()
    for lane, line in journals.items():
        parts += _open_parts(data_root, lane, line, read, live=live)
    durable = {
        (producer, lane): number
        for lane, line in journals.items()
        for producer, number in line.durable.items()
    }
    return Known(parts, lost, durable, live, partial, edge)


def lane_parts(checked: CheckedArchive) -> Iterator[LanePart]:
    """Which rows of its lane an archive holds, by producer: by its sidecar, else by its name."""
    if checked.sidecar is not None:
        yield from _parts_of_sidecar(checked.sidecar)
        return
    told = lane_and_sequence(checked.path.name)
    for producer, rows in checked.rows_by_producer.items() if told else ():
        lane, first = told or (0, 0)
        yield LanePart(producer, lane, first, first + rows - 1, rows, checked.path.name)


def _parts_of_sidecar(sidecar: Sidecar) -> Iterator[LanePart]:
    for producer, part in sidecar.producers.items():
        yield LanePart(
            producer,
            sidecar.lane,
            part.first_lane_sequence,
            part.last_lane_sequence,
            part.rows,
            sidecar.archive,
            recovered=sidecar.recovered,
        )


def _open_parts(
    data_root: Path, lane: int, line: JournalLine, read: Collection[Path], *, live: bool
) -> Iterator[LanePart]:
    """What was open when the journal was read; of a running recorder it may be closed by now, but unread."""
    for file in line.files:
        if data_root / file.path in read or not (live or (data_root / open_path(file.path)).exists()):
            continue
        for producer, part in file.producers.items():
            first, last = part.first_lane_sequence, part.last_lane_sequence
            name = file.path.rpartition("/")[2]
            yield LanePart(producer, lane, first, last, part.rows, name, open=True)


def _lose(lost: dict[str, list[Run]], sidecar: Sidecar | None, checked: CheckedArchive | None) -> None:
    """Note what an archive held that cannot be read; without a sidecar all of its producers are in doubt."""
    for session in sidecar.sessions if sidecar else ():
        run = (session.first_global_message_sequence, session.last_global_message_sequence)
        lost.setdefault(session.producer, []).extend([run] if run[0] else [])
    for producer in checked.rows_by_producer if checked and not sidecar else ():
        lost.setdefault(producer, []).append((1, 1 << 62))


def _sidecars_alone(data_root: Path) -> Iterator[tuple[Path, Sidecar]]:
    for path in below_both(data_root, f"*{ARCHIVE_SUFFIX}{SIDECAR_SUFFIX}"):
        archive = path.with_name(path.name.removesuffix(SIDECAR_SUFFIX))
        hidden = archive.with_name(f".{archive.name}{OPEN_SUFFIX}")
        if archive.exists() or hidden.exists():
            continue
        try:
            yield archive, read_sidecar(archive)
        except (OSError, msgspec.DecodeError):
            continue  # reported as a leftover anyway


def _notes(accounts: Accounts, known: Known, away: Mapping[Path, Sidecar], unproved: int) -> Iterator[str]:
    if known.edge is not None:
        newest = utc_text(known.edge.newest_ns)
        yield f"a copy without journals: of the newest window, from {newest}, archives may still be to come"
    if known.live:
        yield "a recorder is running here: what it has open was not read"
    if unproved:
        yield f"{unproved:,} archives were deleted by retention without a proved copy; uploads/ says what they held"
    if len(away) > unproved:
        yield f"{len(away) - unproved:,} archives were uploaded and proved, and are no longer here; they were not read"
    for producer, sessions in sorted(accounts.by_producer().items()):
        websocket = [session for session in sessions if not session.is_rest]
        cut = cut_off_at(websocket, accounts, known) if websocket else None
        if (
            cut is not None
            and known.edge is None
            and not known.live
            and not (away and producer in known.lost)
        ):
            yield f"{producer} was cut off: of what followed global_message_sequence {cut} some may be missing"
