"""Reads both outputs of a sample again: the verifier checks them, and what it read is counted for the report."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from common.archive.verify.archive import ArchiveCheck, CheckedArchive
from common.archive.verify.data_root import lane_parts
from common.core.events.market_events import MarketEvent, Unusable, UnusualForms
from common.core.events.not_understood import NotUnderstood
from common.core.events.reader import read_events
from common.core.events.rest_answer import read_answer
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.rows.details import Response
from common.core.rows.names import ARCHIVE_SUFFIX, OPEN_SUFFIX, SAMPLE_FOLDER, STREAMS, path_word
from common.core.rows.reading import Row
from common.core.rows.rest import REST_CHECKPOINT
from common.core.rows.websocket import GAP, MESSAGE_RECORD
from common.core.sample.account import CheckpointFacts, OutputFile, SampleFacts, time_chart
from common.core.verify.accounts import Accounts
from common.core.verify.coverage import coverage_findings
from common.core.verify.sequences import Finding, Known, lane_findings, message_findings
from common.files import sha256_of


def gather_facts(data_root: Path, run_id: str) -> SampleFacts:
    """Everything that the gate and the report need to know of a sample's files.

    What is wrong inside a file is a fact, not an error; OSError where a file cannot be read at all.
    """
    reading = _Reading()
    files: list[OutputFile] = []
    unclosed: list[str] = []
    for stream in STREAMS:
        folder = data_root / SAMPLE_FOLDER / stream / path_word(run_id)
        files += [reading.read(data_root, stream, path) for path in _parts(folder)]
        unclosed += [_below(data_root, path) for path in sorted(folder.glob(f".*{OPEN_SUFFIX}"))]
    return reading.facts(tuple(files), tuple(unclosed))


def _parts(folder: Path) -> list[Path]:
    """The archives of one stream in the order of their writing."""
    found = (path for path in folder.glob(f"*{ARCHIVE_SUFFIX}") if not path.name.startswith("."))
    return sorted(found, key=lambda path: (len(path.name), path.name))


def _below(data_root: Path, path: Path) -> str:
    return path.relative_to(data_root).as_posix()


class _Reading:
    def __init__(self) -> None:
        self._accounts = Accounts()
        self._checked: list[CheckedArchive] = []
        self._market_messages = self._events = 0
        self._not_understood = NotUnderstood()
        self._by_type: Counter[str] = Counter()
        self._by_exchange: Counter[str] = Counter()
        self._by_second: Counter[int] = Counter()
        self._gaps: list[dict[str, Any]] = []
        self._checkpoints: list[CheckpointFacts] = []

    def read(self, data_root: Path, stream: str, path: Path) -> OutputFile:
        """Check and count one archive, up to a tear if there is one."""
        check = ArchiveCheck(path, path.name, self._accounts)
        for row in check.rows(lambda _rows: None):
            self._count(row)
        checked = check.result()
        self._checked.append(checked)
        rows = sum(checked.rows_by_producer.values())
        return OutputFile(stream, _below(data_root, path), path.stat().st_size, sha256_of(path), rows)

    def facts(self, files: tuple[OutputFile, ...], unclosed: tuple[str, ...]) -> SampleFacts:
        sessions = [session for session in self._accounts.sessions.values() if not session.is_rest]
        return SampleFacts(
            files=files,
            unclosed=unclosed,
            rows=sum(file.rows for file in files),
            unreadable_lines=sum(each.unreadable for each in self._checked),
            wrong_rows=sum(each.wrong_rows for each in self._checked),
            findings=tuple(f"{finding.where}: {finding.words}" for finding in self._findings()),
            messages=sum(self._by_second.values()),
            market_messages=self._market_messages,
            events=self._events,
            unusable=self._not_understood.unused(),
            unusual_forms=self._not_understood.forms,
            messages_by_type=dict(self._by_type.most_common()),
            messages_over_time=time_chart(self._by_second),
            sessions=len(sessions),
            gaps=tuple(self._gaps),
            rows_of_exchange=dict(self._by_exchange),
            checkpoints=tuple(self._checkpoints),
        )

    def _findings(self) -> list[Finding]:
        """As `bin/verify-archives` finds them: by archive, then what the archives say together."""
        parts = [part for each in self._checked for part in lane_parts(each)]
        known = Known(parts, lost={}, durable={}, live=False, partial=False)
        return [
            *(finding for each in self._checked for finding in each.findings),
            *lane_findings(self._accounts, known),
            *message_findings(self._accounts, known),
            *coverage_findings(self._accounts, known.lost),
        ]

    def _count(self, row: Row) -> None:
        self._by_exchange[row.exchange] += 1
        if row.record_type == GAP:
            self._gaps.append(row.detail)
        elif row.record_type == REST_CHECKPOINT:
            answer = read_answer(row.payload_json)
            self._not_understood.take((*answer.unreadable, *answer.forms))
            self._events += len(answer.books)
            self._checkpoints.append(_checkpoint(row))
        elif row.record_type == MESSAGE_RECORD:
            self._by_type.update(set(row.classified_event_types))
            self._by_second[row.received_at_ns // NS_PER_SECOND] += 1
            self._market_messages += self._take_events(read_events(row.payload_json)) > 0

    def _take_events(self, events: Sequence[MarketEvent]) -> int:
        """How many of the events can be used."""
        self._not_understood.take(events)
        usable = sum(not isinstance(event, (Unusable, UnusualForms)) for event in events)
        self._events += usable
        return usable


def _checkpoint(row: Row) -> CheckpointFacts:
    response = row.response or Response()
    answer = bytes(response.raw_response_json)
    is_list = answer.startswith(b"[")
    return CheckpointFacts(
        checkpoint_sequence=row.checkpoint_sequence,
        received_at_utc=utc_text(row.received_at_ns),
        status_code=response.status_code,
        elapsed_ms=response.elapsed_ms,
        books=len(msgspec.json.decode(answer, type=list[msgspec.Raw])) if is_list else 0,
        missing_tokens=len(row.missing_token_ids),
        error=row.error,
        successful=response.status_code == 200 and is_list and row.error is None,
    )
