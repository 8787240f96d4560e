"""How fast books and tables come of a recording, in events a second of CPU time, beside what a user writes first.

All read the same closed archives, made of the same messages, by the writer's own store. `plain` is gzip, json and
dictionaries of floats; `replay` gives the exact book after every event; `checks` also recomputes every hash, as the
ledgers do; `export` writes the three Parquet tables.
"""

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from common.archive.replay import archives_of, read_archive, replay
from common.archive.views.export import Wanted, export
from common.archive.writing.store import LaneStore
from common.benchmark.frames import STEP_MS, Load
from common.benchmark.report import markdown
from common.core.audit.connections import BookAudit
from common.core.audit.heard import Heard
from common.core.envelope import MESSAGE, Context, Envelope
from common.core.events.reader import read_events
from common.core.market import Token
from common.core.rows.facts import facts_of
from common.core.rows.names import WS_RAW, Layout
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of
from common.core.rows.websocket import (
    MESSAGE_RECORD,
    SESSION_OPENED,
    control_row,
    message_constant,
    message_rest,
    subscription_json,
    tokens_tracked_json,
)
from common.errors import RecorderError
from common.polymarket.classify import classify

PRODUCER = "ws_reader-0-benchmark"
ORIGIN = Origin(PRODUCER, "simulated")
DAY = Layout("runtime", rotation_interval_seconds=86_400)
Prices = Mapping[str, tuple[float | None, float | None]]  # best bid and ask of each token
OF_EACH = (
    "`plain` is gzip, json and dictionaries of floats, `replay` the exact book after every event, `checks` recomputes"
    " every hash too, `export` writes events, best prices and whole books as Parquet."
)
HEADER = ("way", "events/s of one core", "of plain", "CPU us an event")


class BookSpeed(msgspec.Struct, frozen=True):
    """One way through a recording once: `events` in `cpu_seconds` of one core."""

    way: str
    events: int
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Events a second of CPU time."""
        return self.events / self.cpu_seconds


def compare_books(folder: Path, tokens: Sequence[Token], load: Load) -> list[BookSpeed]:
    """Record the load once round, and go through it each way. Raises RecorderError where their books differ."""
    data_root = folder / "data"
    record(data_root, tokens, load)
    events = sum(len(read_events(payload)) for payload in (load.opening, *load.circle))
    ways: Mapping[str, Callable[[], Prices | None]] = {
        "plain": lambda: plain(data_root),
        "replay": lambda: _replay(data_root),
        "checks": lambda: _check(data_root),
        "export": lambda: _export(data_root, folder / "tables"),
    }
    speeds: list[BookSpeed] = []
    ends: list[Prices] = []
    for way, work in ways.items():
        began = time.process_time()
        prices = work()
        speeds.append(BookSpeed(way, events, time.process_time() - began))
        ends += [] if prices is None else [prices]
    if any(end != ends[0] for end in ends):
        raise RecorderError("the ways through the recording end in different books")
    return speeds


def speed_rows(speeds: Iterable[BookSpeed]) -> list[tuple[str, ...]]:
    """The rows below HEADER: medians, each way once."""
    by_way: dict[str, list[float]] = {}
    for speed in speeds:
        by_way.setdefault(speed.way, []).append(speed.rate)
    rates = {way: median(them) for way, them in by_way.items()}
    return [
        (way, f"{rate:,.0f}", f"{rate / rates['plain']:.1f}", f"{1e6 / rate:,.1f}")
        for way, rate in rates.items()
    ]


def books_report(speeds: Sequence[BookSpeed]) -> Iterator[str]:
    """The report's section about them, in Markdown."""
    yield ""
    yield "## Books from a recording"
    yield ""
    yield f"{speeds[0].events:,} events of closed archives, CPU time of one core, {OF_EACH}"
    yield ""
    yield from markdown(HEADER, speed_rows(speeds))


def record(data_root: Path, tokens: Sequence[Token], load: Load) -> None:
    """A recording of one session that was sent the opening and the circle once."""
    subscribed = subscription_json(1, [token.token_id for token in tokens])
    context = Context(1, "benchmark-c1", 1, "ws://localhost", subscribed, tokens_tracked_json(tokens))
    store = LaneStore.open(data_root, 0, layout=DAY, gzip_level=1)
    try:
        rows = _rows(context, (load.opening, *load.circle), time.time_ns())
        for sequence, row in enumerate(rows, start=1):
            store.append(WS_RAW, PRODUCER, sequence, row, facts_of(row_of(row)))
        store.close_all()
    finally:
        store.close()


def _rows(context: Context, payloads: Iterable[bytes], at_ns: int) -> Iterator[bytes]:
    opened = control_row(
        SESSION_OPENED,
        context,
        origin=ORIGIN,
        received_at_ns=at_ns,
        received_monotonic_ns=at_ns,
        detail={},
    )
    yield opened + b"\n"
    constant = message_constant(context, ORIGIN)
    for number, payload in enumerate(payloads, start=1):
        at_ns += STEP_MS * 1_000_000
        envelope = Envelope(MESSAGE, 1, number, number, at_ns, at_ns, 1, 1, payload)
        yield constant + message_rest(envelope, classify(payload))


def _replay(data_root: Path) -> Prices:
    best: dict[str, tuple[str | None, str | None]] = {}
    for step in replay(read_archive(data_root)):
        for token_id in step.token_ids:
            book = step.books.by_token[token_id]
            best[token_id] = book.best_bid, book.best_ask
    return {token_id: (_number(bid), _number(ask)) for token_id, (bid, ask) in best.items()}


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _check(data_root: Path) -> None:
    audit = BookAudit()
    for row in read_archive(data_root):
        if row.record_type == MESSAGE_RECORD:
            heard = Heard(row.producer, row.session_id or "", row.message_sequence, row.received_at_ns)
            audit.message(heard, read_events(row.payload_json))
        else:
            audit.life_cycle(row.producer, row.record_type, row.session_id, row.detail)
    verdicts = Counter(each.result.verdict for each in audit.take_results())
    if not verdicts["agree"] or verdicts["divergence"]:
        raise RecorderError(f"the books of the benchmark's own load are not the exchange's: {dict(verdicts)}")


def _export(data_root: Path, output: Path) -> None:
    export(data_root, output, Wanted())


def plain(data_root: Path) -> Prices:
    """What a user writes first, with the best prices after every event, as replay has them."""
    books: dict[str, dict[str, dict[float, float]]] = {}
    best: dict[str, tuple[float | None, float | None]] = {}
    for path in archives_of(data_root):
        with gzip.open(path) as lines:
            for line in lines:
                message = json.loads(line).get("json") or []
                for event in message if isinstance(message, list) else [message]:
                    for token_id in _apply(books, event):
                        bids, asks = books[token_id]["BUY"], books[token_id]["SELL"]
                        best[token_id] = max(bids, default=None), min(asks, default=None)
    return best


def _apply(books: dict[str, dict[str, dict[float, float]]], event: dict[str, Any]) -> set[str]:
    """Apply an event to dictionaries of size by price; the tokens that it touched."""
    if event["event_type"] == "book":
        books[event["asset_id"]] = {
            side: {float(level["price"]): float(level["size"]) for level in event[name]}
            for side, name in (("BUY", "bids"), ("SELL", "asks"))
        }
        return {event["asset_id"]}
    changes = [change for change in event.get("price_changes", ()) if change["asset_id"] in books]
    for change in changes:
        side, price, size = change["side"], float(change["price"]), float(change["size"])
        if size:
            books[change["asset_id"]][side][price] = size
        else:
            books[change["asset_id"]][side].pop(price, None)
    return {change["asset_id"] for change in changes}
