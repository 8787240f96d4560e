"""A recording as the recorder leaves it, two lanes and two sessions with an outage between, and ways to spoil it."""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from common.archive.read import closed_archives, iterate_lines
from common.archive.verify.data_root import Verification, verify_data_root
from common.archive.writing.store import LaneStore
from common.core.envelope import MESSAGE, Context, Envelope
from common.core.instants import utc_text
from common.core.market import Exchange, Token
from common.core.rows.facts import facts_of
from common.core.rows.names import WS_RAW, Layout, sidecar_path
from common.core.rows.origin import Leg, Origin
from common.core.rows.reading import row_of
from common.core.rows.websocket import (
    GAP,
    SESSION_CLOSED,
    SESSION_OPENED,
    SUBSCRIPTION_CHANGED,
    control_row,
    message_constant,
    message_rest,
    tokens_tracked_json,
)
from common.polymarket.classify import classify
from tests.archive.rows import NOON_NS
from tests.contexts import context_for

SECOND_NS = 1_000_000_000
PRODUCER = "ws_reader-0-20261123T120000Z-a1b2c3"
MINUTES = Layout("runtime", rotation_interval_seconds=60)
UP, DOWN, NEXT = (
    Token("btc-updown-5m-1", "0xc", digit * 70, outcome, "2026-11-23T12:05:00Z")
    for digit, outcome in (("1", "Up"), ("2", "Down"), ("3", "Up"))
)


class Recorder:
    """Numbers rows as a reader does and gives them to two lanes, four messages in turn."""

    def __init__(
        self,
        root: Path,
        producer: str = PRODUCER,
        start_ns: int = NOON_NS,
        layout: Layout = MINUTES,
        exchange: Exchange = "live",
        leg: Leg | None = None,
        host: str = "",
        lanes: tuple[int, int] = (0, 1),
    ) -> None:
        self.stores = [LaneStore.open(root, lane, layout=layout, gzip_level=1) for lane in lanes]
        self.at_ns = start_ns
        self.wall_ahead_ns = 0  # of true time, which the monotonic clock tells
        self.clock_error_ms: float | None = None
        self._producer, self.origin = producer, Origin(producer, exchange, leg, host)
        self._lane_sequences = [0, 0]
        self._global = self._message = self._session = self._revision = 0
        self._context: Context | None = None

    def open(self, *tokens: Token, gap_from_ns: int = 0) -> None:
        self._session += 1
        self._message = self._revision = 0
        self._subscribe(SESSION_OPENED, tokens)
        if gap_from_ns:
            self.gap("cut", gap_from_ns)

    def gap(self, cause: str, from_ns: int) -> None:
        """An outage up to now; before the first session it belongs to none."""
        if self._context is None:
            self._context = self._context_of("", ())
        self.control(GAP, {"cause": cause, "from_utc": utc_text(from_ns), "to_utc": utc_text(self.at_ns)})

    def gap_of(self, tokens: Sequence[Token], cause: str, from_ns: int, **more: object) -> None:
        """A gap of these tokens alone, up to now; of a window that is not recorded where there are none."""
        assert self._context is not None
        named = {"token_ids": [token.token_id for token in tokens]} if tokens else more
        times = {"from_utc": utc_text(from_ns), "to_utc": utc_text(self.at_ns)}
        tracked = msgspec.structs.replace(self._context, tokens_tracked_json=tokens_tracked_json(tokens))
        self.control(GAP, {"cause": cause, **times, **named}, tracked)

    def change(self, *tokens: Token) -> None:
        self._subscribe(SUBSCRIPTION_CHANGED, tokens)

    def _subscribe(self, record_type: str, tokens: tuple[Token, ...]) -> None:
        self._revision += 1
        self._context = self._context_of(f"{self._producer}-c{self._session}", tokens)
        known = record_type == SESSION_OPENED and self.clock_error_ms is not None
        self.control(record_type, {"clock_error_ms": self.clock_error_ms} if known else {})

    def _context_of(self, session_id: str, tokens: tuple[Token, ...]) -> Context:
        return context_for(
            1,
            session_id=session_id,
            connection_sequence=self._session,
            url="wss://exchange.test/ws/market",
            subscription_revision=self._revision,
            tokens=tokens,
        )

    def messages(self, count: int, token: Token = UP, *, kept: bool = True) -> None:
        for _ in range(count):
            self.at_ns += SECOND_NS
            book = {"event_type": "book", "market": "0xc", "asset_id": token.token_id, "n": self._global + 1}
            self.message({**book, "timestamp": "1", "bids": [], "asks": []}, kept=kept)

    def message(self, event: object, *, kept: bool = True) -> None:
        """A message of the exchange, now; it is numbered also where it is not kept."""
        self.hear(json.dumps(event).encode(), kept=kept)

    def hear(self, payload: bytes, *, kept: bool = True) -> None:
        """The next message byte for byte, now."""
        assert self._context is not None
        self._message += 1
        self._global += 1
        if not kept:
            return
        lane = self._global // 4 % 2
        envelope = Envelope(
            MESSAGE,
            1,
            self._message,
            self._global,
            self.at_ns + self.wall_ahead_ns,
            self.at_ns,
            1,
            1,
            payload,
        )
        constant = message_constant(self._context, self.origin)
        self._append(lane, constant + message_rest(envelope, classify(payload, 1)))

    def control(self, record_type: str, detail: Mapping[str, object], context: Context | None = None) -> None:
        context = context or self._context
        assert context is not None
        row = control_row(
            record_type,
            context,
            origin=self.origin,
            received_at_ns=self.at_ns + self.wall_ahead_ns,
            received_monotonic_ns=self.at_ns,
            detail=detail,
        )
        self._append(0, row + b"\n")

    def _append(self, lane: int, row: bytes) -> None:
        self._lane_sequences[lane] += 1
        sequence = self._lane_sequences[lane]
        self.stores[lane].append(WS_RAW, self._producer, sequence, row, facts_of(row_of(row)))

    def close_session(self, reason: str = "recorder_stopping") -> int:
        self.control(SESSION_CLOSED, {"reason": reason, "detail": "", "messages": self._message})
        return self.at_ns

    def commit(self) -> None:
        for store in self.stores:
            store.commit()

    def leave(self) -> None:
        """As a crash leaves it."""
        for store in self.stores:
            store.close()

    def end(self) -> None:
        for store in self.stores:
            store.close_all()
        self.leave()


def good_recording(root: Path) -> None:
    """Two sessions over three windows: c1 with 70 messages, an outage of 5 s, c2 with 20 and a lost stretch."""
    recorder = Recorder(root)
    recorder.open(UP, DOWN)
    recorder.messages(50)
    recorder.change(UP, DOWN, NEXT)
    recorder.messages(20, DOWN)
    ended_ns = recorder.close_session("cut")
    recorder.at_ns += 5 * SECOND_NS
    recorder.open(UP, DOWN, NEXT, gap_from_ns=ended_ns)
    recorder.messages(10, NEXT)
    recorder.messages(3, kept=False)
    recorder.control(GAP, {"cause": "spool_full", **spool_full(recorder.at_ns), **lost(81, 83)})
    recorder.messages(7)
    recorder.close_session()
    recorder.end()


def spool_full(until_ns: int) -> dict[str, object]:
    return {"from_utc": utc_text(until_ns - 3 * SECOND_NS), "to_utc": utc_text(until_ns)}


def lost(first: int, last: int) -> dict[str, object]:
    return {"first_global_message_sequence": first, "last_global_message_sequence": last}


def verified(root: Path, *, partial: bool = False) -> Verification:
    return verify_data_root(root, partial=partial, progress=lambda _rows: None)


def told(root: Path, *, partial: bool = False) -> list[str]:
    """Each finding as `kind: words`."""
    return [f"{each.kind}: {each.words}" for each in verified(root, partial=partial).findings]


def archive(root: Path, index: int) -> Path:
    """The closed archives in the order of their names: windows, and two lanes in each."""
    return closed_archives(root)[index]


def change_sidecar(path: Path, **values: object) -> None:
    sidecar = Path(sidecar_path(str(path)))
    sidecar.write_text(json.dumps(json.loads(sidecar.read_bytes()) | values))


def rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change an archive's rows, and its sidecar's account of the file."""
    rows = change(list(iterate_lines(path)))
    path.write_bytes(gzip.compress(b"".join(rows)))
    whole = path.read_bytes()
    change_sidecar(
        path,
        rows=len(rows),
        bytes=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        uncompressed_bytes=sum(map(len, rows)),
    )


def without_type(record_type: str) -> Callable[[list[bytes]], list[bytes]]:
    return lambda rows: [row for row in rows if f'"record_type":"{record_type}"'.encode() not in row]


def sidecar_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(sidecar_path(str(path))).read_bytes())
    return found
