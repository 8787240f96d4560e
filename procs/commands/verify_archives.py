"""bin/verify-archives: re-reads closed archives and says what is not as promised, and what time they cover."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from common.archive.verify.data_root import Verification, verify_data_root, verify_paths
from common.core.audit.divergence import Divergence, levels_words
from common.core.instants import utc_text
from common.errors import EXIT_DONE, EXIT_FAILED, ArchiveError
from common.runtime.command_line import command
from common.runtime.command_line.invocation import as_typed
from common.terminal.progress_bar import ProgressBar
from common.terminal.tables import table

DIVERGENCES_NAMED = 10
NS_PER_MS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify; the exit code: 0 clean, 1 on a finding and where nothing was there to verify, 2 wrong usage."""
    return command.run(partial(_verify, build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = command.parser(
        "verify-archives",
        "Re-reads every closed archive against its sidecar: hashes, rows, sequences, gaps, coverage.",
        "bin/verify-archives --data-root /var/lib/orderbooks",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only these archives or folders")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="earlier archives were moved away on purpose: sequences need not begin at 1",
    )
    parser.add_argument("--json", action="store_true", help="everything found, as one JSON document")
    return parser


def _verify(namespace: argparse.Namespace) -> int:
    progress = ProgressBar(0, sys.stderr, what="rows read")
    if namespace.paths:
        _refuse_missing(namespace.paths)
        found = verify_paths(namespace.paths, progress=progress.add)
    else:
        data_root = Path(command.load(namespace).paths.data_root)
        _refuse_missing([data_root])
        found = verify_data_root(data_root, partial=namespace.partial, progress=progress.add)
    progress.end()
    if namespace.json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    else:
        for line in _lines(found, progress.elapsed_s):
            print(as_typed(line))
    return EXIT_FAILED if found.findings or found.proves_nothing else EXIT_DONE


def _refuse_missing(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise ArchiveError(f"{path}: there is no such file or folder; choose another --data-root")


def _lines(found: Verification, elapsed_s: float) -> Iterator[str]:
    for finding in found.findings:
        yield f"{finding.where}: {finding.words}"
    if any(finding.kind == "lane" for finding in found.findings):
        yield "note: where archives were moved away on purpose, say --partial"
    if found.proves_nothing:
        yield f"error: there is no closed archive in {', '.join(found.paths)}, so nothing is proved"
    if "simulated" in found.exchanges:
        yield "note: this is simulated data: it was recorded from the embedded exchange"
    for note in [*found.notes, *_divergence_notes(found.divergences)]:
        yield f"note: {note}"
    yield (
        f"{len(found.findings)} findings in {found.archives:,} archives, {found.rows:,} rows,"
        f" {found.uncompressed_bytes / 1e6:,.1f} MB of rows, read in {elapsed_s:.1f} s"
    )
    if found.hours:
        yield ""
        yield from _hour_lines(found)
    if found.coverage.sessions:
        yield ""
        yield from _session_table(found)
        yield ""
        yield from _token_table(found)


def _divergence_notes(divergences: Sequence[Divergence]) -> Iterator[str]:
    """What was wrong with the books that diverged, the first of them in full."""
    for each in divergences[:DIVERGENCES_NAMED]:
        at = utc_text(each.exchange_timestamp_ms * NS_PER_MS)
        levels = levels_words(each.levels, each.differing_levels)
        yield f"the book of token {each.token_id} diverged at {at}: {each.why}; {levels}"
    if len(divergences) > DIVERGENCES_NAMED:
        yield f"{len(divergences) - DIVERGENCES_NAMED} more divergences: --json lists them all"


def _hour_lines(found: Verification) -> Iterator[str]:
    """How the hours are by their ledgers, and those in full that are not complete."""
    by_condition = Counter(hour.condition for hour in found.hours)
    counts = ", ".join(f"{count:,} {condition}" for condition, count in sorted(by_condition.items()))
    compared = sum(hour.compared for hour in found.hours)
    yield f"{len(found.hours):,} ledgers, {compared:,} of them recomputed: {counts}"
    rows = [
        (
            hour.stream,
            _readable(hour.from_utc),
            hour.condition,
            ", ".join(f"{count} {condition}" for condition, count in sorted(hour.tokens.items())),
        )
        for hour in found.hours
        if hour.condition != "complete"
    ]
    if rows:
        yield from table(("stream", "from, UTC", "condition", "tokens"), rows)


def _session_table(found: Verification) -> Iterator[str]:
    rows = [
        (
            session.session_id,
            _readable(session.from_utc),
            _readable(session.to_utc),
            f"{session.connected_seconds:,.1f}",
            f"{session.messages:,}",
            str(session.tokens),
            session.close_reason or "no end",
        )
        for session in found.coverage.sessions
    ]
    return table(("session", "from, UTC", "to, UTC", "connected s", "messages", "tokens", "ended by"), rows)


def _token_table(found: Verification) -> Iterator[str]:
    rows = [
        (
            f"{token.market_slug} {token.outcome}".strip() or token.token_id,
            _readable(token.from_utc),
            _readable(token.to_utc),
            f"{token.connected_seconds:,.1f}",
            f"{token.gap_seconds:,.1f}",
            f"{token.paused_seconds:,.1f}",
            f"{token.messages:,}",
        )
        for token in found.coverage.tokens
    ]
    header = ("token", "from, UTC", "to, UTC", "connected s", "in gaps s", "paused s", "messages")
    return table(header, rows)


def _readable(utc: str) -> str:
    return utc[:19].replace("T", " ")


if __name__ == "__main__":
    sys.exit(main())
