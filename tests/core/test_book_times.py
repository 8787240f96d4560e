"""The time of an event is judged by the book, by repeats of its content, and by our clock."""

import json

import pytest

from common.core.audit.connections import BookAudit
from common.core.audit.heard import Heard
from common.core.books.connection import AHEAD_MS, Books
from common.core.events.market_events import Unusable, UnusualForms
from common.core.events.reader import read_events

NOW_MS = 1_795_462_109_000
DAY_MS = 86_400_000
MARKET, TOKEN = "0x" + "c" * 64, "7" * 60


class Feed:
    """What is told of one book, received when the exchange's clock says so unless `received_ms` differs."""

    def __init__(self, received_ms: int | None = None) -> None:
        self.books = Books()
        self.told: list[Unusable | UnusualForms] = []
        self.now_ms, self.received_ms = NOW_MS, received_ms

    def tell(self, event: dict[str, object], at_ms: int) -> tuple[str, ...]:
        self.books.received_ms = self.now_ms if self.received_ms is None else self.received_ms
        payload = json.dumps({"market": MARKET, "timestamp": str(at_ms), **event}).encode()
        touched: tuple[str, ...] = ()
        for each in read_events(payload):
            touched += self.books.apply(each)
            self.told += self.books.doubts
        return touched

    def snapshot(self, size: str, *, at_ms: int = 0, digest: str = "") -> tuple[str, ...]:
        self.now_ms += 10
        at_ms = at_ms or self.now_ms
        bids = [{"price": "0.4", "size": size}]
        book: dict[str, object] = {"asset_id": TOKEN, "bids": bids, "asks": [], "hash": digest or f"h{at_ms}"}
        return self.tell(book | {"event_type": "book"}, at_ms)

    def change(self, size: str, *, at_ms: int = 0) -> tuple[str, ...]:
        self.now_ms += 10
        at_ms = at_ms or self.now_ms
        entry = {"asset_id": TOKEN, "price": "0.4", "size": size, "side": "BUY", "hash": f"h{at_ms}"}
        return self.tell({"price_changes": [entry], "event_type": "price_change"}, at_ms)

    @property
    def size(self) -> str | None:
        book = self.books.get(TOKEN)
        return book.bids[0][1] if book is not None else None

    @property
    def reasons(self) -> list[str]:
        return [each.reason if isinstance(each, Unusable) else each.forms[0] for each in self.told]


@pytest.mark.parametrize("ahead", ["snapshot", "change"])
def test_one_frame_dated_a_day_ahead_freezes_no_book(ahead: str) -> None:
    feed = Feed()
    feed.snapshot("1")
    getattr(feed, ahead)("2", at_ms=feed.now_ms + DAY_MS)
    for size in ("3", "4"):
        assert feed.change(size) == (TOKEN,)
        assert feed.size == size
    feed.snapshot("5")
    assert feed.size == "5"
    assert feed.reasons == ["time_ahead"]


def test_a_snapshot_wins_whatever_its_time_unless_it_repeats_a_state() -> None:
    feed = Feed()
    feed.snapshot("1")
    first_ms = feed.now_ms
    feed.change("2")
    assert feed.snapshot("1", at_ms=first_ms) == ()
    assert feed.size == "2", "a repeat of what was stated before"
    assert feed.snapshot("9", at_ms=first_ms - DAY_MS) == (TOKEN,)
    assert feed.size == "9"
    assert feed.change("3") == (TOKEN,)
    assert feed.told == []


def test_late_repeats_of_changes_are_left_alone() -> None:
    feed = Feed()
    feed.change("7")
    before_ms = feed.now_ms
    feed.snapshot("1")
    feed.change("2")
    changed_ms = feed.now_ms
    feed.change("3")
    assert feed.change("2", at_ms=changed_ms) == ()
    assert feed.change("7", at_ms=before_ms) == (), "it was told before the snapshot, which holds it"
    assert (feed.size, feed.told) == ("3", [])


def test_a_change_dated_back_makes_the_book_unknown_until_the_next_snapshot() -> None:
    feed = Feed()
    feed.snapshot("1")
    assert feed.change("2", at_ms=feed.now_ms - DAY_MS) == ()
    assert (feed.size, feed.reasons) == (None, ["price_change: timestamp"])
    feed.change("3")
    assert feed.size is None
    feed.snapshot("4")
    assert feed.size == "4"


def test_a_clock_that_is_slow_by_an_hour_makes_no_book_unknown() -> None:
    feed = Feed(received_ms=NOW_MS - 3_600_000)
    feed.snapshot("1")
    for size in ("2", "3"):
        feed.change(size)
    assert feed.size == "3"
    assert set(feed.reasons) == {"time_ahead"}
    assert AHEAD_MS < 3_600_000


def test_the_auditor_counts_what_it_doubts_and_asks_for_a_snapshot() -> None:
    audit = BookAudit()
    feed = Feed()
    events: list[dict[str, object]] = [
        {"asset_id": TOKEN, "bids": [], "asks": [], "event_type": "book", "timestamp": str(NOW_MS)},
        {
            "price_changes": [{"asset_id": TOKEN, "price": "0.4", "size": "1", "side": "SELL"}],
            "event_type": "price_change",
            "timestamp": str(NOW_MS - DAY_MS),
        },
    ]
    for number, event in enumerate(events, start=1):
        payload = json.dumps(event | {"market": MARKET}).encode()
        audit.message(Heard("r", "s", number, feed.now_ms * 1_000_000), read_events(payload))
    [(reader, session, token_id, unknown)] = audit.unknown_books()
    assert (reader, session, token_id, unknown.reason) == ("r", "s", TOKEN, "price_change: timestamp")
    assert audit.not_understood.events == 1
    assert audit.doubts_by_token == {TOKEN: 1}
