"""Reads both outputs of a sample again, line by line, and believes nothing that it has not recomputed."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from common.archive.read import iterate_lines
from common.core.events.market_events import MarketEvent, Unusable, UnusualForms
from common.core.events.not_understood import NotUnderstood
from common.core.events.reader import read_events
from common.core.events.rest_answer import read_answer
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.rows.names import ARCHIVE_SUFFIX, OPEN_SUFFIX, SAMPLE_FOLDER, STREAMS, path_word
from common.core.rows.reading import row_of
from common.core.sample.account import CheckpointFacts, OutputFile, SampleFacts, time_chart
from common.core.sequences import SequenceCheck
from common.errors import ArchiveError

RowCheck = Callable[
    [bytes], list[str]
]  # what is wrong with a row, as a message: its payload against its sha256

_PROBLEMS_TOLD = 20
_NULL = msgspec.Raw(b"null")


class _Response(msgspec.Struct):
    status_code: int | None = None
    elapsed_ms: float | None = None
    raw_response_json: msgspec.Raw = _NULL


class _Row(msgspec.Struct):
    record_type: str
    received_at_ns: int
    exchange: str = "live"  # as rows of an older version, which do not state it
    producer: str = ""
    session_id: str | None = None
    message_sequence: int = 0
    global_message_sequence: int = 0
    classified_event_types: tuple[str, ...] = ()
    gap: dict[str, Any] | None = None
    checkpoint_sequence: int = 0
    response: _Response | None = None
    error: str | None = None
    missing_token_ids: tuple[str, ...] = ()


_ROWS = msgspec.json.Decoder(_Row)


def gather_facts(data_root: Path, run_id: str, check_row: RowCheck) -> SampleFacts:
    """Everything that the gate and the report need to know of a sample's files.

    `check_row` recomputes the payload's sha256. What is wrong inside a file is a fact, not an
    error; OSError where a file cannot be read at all.
    """
    reading = _Reading(check_row)
    files: list[OutputFile] = []
    unclosed: list[str] = []
    for stream in STREAMS:
        folder = data_root / SAMPLE_FOLDER / stream / path_word(run_id)
        files += [_output_file(data_root, stream, path, reading.read(path)) for path in _parts(folder)]
        unclosed += [_below(data_root, path) for path in sorted(folder.glob(f".*{OPEN_SUFFIX}"))]
    return reading.facts(tuple(files), tuple(unclosed))


def _parts(folder: Path) -> list[Path]:
    """The archives of one stream in the order of their writing."""
    found = (path for path in folder.glob(f"*{ARCHIVE_SUFFIX}") if not path.name.startswith("."))
    return sorted(found, key=lambda path: (len(path.name), path.name))


def _output_file(data_root: Path, stream: str, path: Path, rows: int) -> OutputFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return OutputFile(stream, _below(data_root, path), path.stat().st_size, sha256, rows)


def _below(data_root: Path, path: Path) -> str:
    return path.relative_to(data_root).as_posix()


class _Reading:
    def __init__(self, check_row: RowCheck) -> None:
        self._check_row = check_row
        self._rows = self._unreadable = self._wrong = self._messages = self._market_messages = (
            self._events
        ) = 0
        self._not_understood = NotUnderstood()
        self._problems: list[str] = []
        self._by_type: Counter[str] = Counter()
        self._by_exchange: Counter[str] = Counter()
        self._by_second: Counter[int] = Counter()
        self._gaps: list[dict[str, Any]] = []
        self._sessions: dict[str, SequenceCheck] = defaultdict(SequenceCheck)
        self._producers: dict[str, SequenceCheck] = defaultdict(SequenceCheck)
        self._with_gap: set[str] = set()
        self._checkpoints: list[CheckpointFacts] = []

    def read(self, path: Path) -> int:
        """Take in one archive; gives its number of lines, up to a tear if there is one."""
        number = 0
        try:
            for number, line in enumerate(iterate_lines(path), start=1):
                self._take(line, f"{path.name}, line {number}")
        except ArchiveError as error:
            self._unreadable += 1
            self._tell(str(error))
        return number

    def facts(self, files: tuple[OutputFile, ...], unclosed: tuple[str, ...]) -> SampleFacts:
        return SampleFacts(
            files=files,
            unclosed=unclosed,
            rows=self._rows,
            unreadable_lines=self._unreadable,
            wrong_rows=self._wrong,
            problems=tuple(self._problems),
            messages=self._messages,
            market_messages=self._market_messages,
            events=self._events,
            unusable=self._not_understood.unused(),
            unusual_forms=self._not_understood.forms,
            messages_by_type=dict(self._by_type.most_common()),
            messages_over_time=time_chart(self._by_second),
            sessions=len(self._sessions),
            gaps=tuple(self._gaps),
            sequence_problems=tuple(self._sequence_problems()),
            rows_of_exchange=dict(self._by_exchange),
            checkpoints=tuple(self._checkpoints),
        )

    def _take(self, line: bytes, place: str) -> None:
        self._rows += 1
        try:
            json.loads(line)
            row = _ROWS.decode(line)
        except (ValueError, RecursionError, msgspec.DecodeError) as error:
            self._unreadable += 1
            self._tell(f"{place}: is not a row: {error}")
            return
        self._by_exchange[row.exchange] += 1
        if wrong := self._check_row(line):
            self._wrong += 1
            self._tell(f"{place}: {'; '.join(wrong)}")
        if row.gap is not None:
            self._gaps.append(row.gap)
            self._with_gap |= {row.session_id or "", row.producer}
        if row.record_type == "rest_checkpoint":
            answer = read_answer(row_of(line).payload_json)
            self._not_understood.take((*answer.unreadable, *answer.forms))
            self._events += len(answer.books)
            self._checkpoints.append(_checkpoint(row))
        elif row.record_type == "message":
            self._count_message(row, line, sound=not wrong)

    def _count_message(self, row: _Row, line: bytes, *, sound: bool) -> None:
        self._messages += 1
        self._by_type.update(set(row.classified_event_types))
        self._by_second[row.received_at_ns // NS_PER_SECOND] += 1
        self._sessions[row.session_id or ""].see(row.message_sequence)
        self._producers[row.producer].see(row.global_message_sequence)
        if sound:
            self._market_messages += self._take_events(read_events(row_of(line).payload_json)) > 0

    def _take_events(self, events: Sequence[MarketEvent]) -> int:
        """How many of the events can be used."""
        self._not_understood.take(events)
        usable = sum(not isinstance(event, (Unusable, UnusualForms)) for event in events)
        self._events += usable
        return usable

    def _sequence_problems(self) -> Iterator[str]:
        for name, check in self._sessions.items():
            yield from check.words(f"messages of session {name}", gaps_declared=name in self._with_gap)
        for name, check in self._producers.items():
            yield from check.words(f"messages of {name}", gaps_declared=name in self._with_gap)

    def _tell(self, words: str) -> None:
        if len(self._problems) < _PROBLEMS_TOLD:
            self._problems.append(words)


def _checkpoint(row: _Row) -> CheckpointFacts:
    response = row.response or _Response()
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
