"""What the auditor finds of a book that diverges, and what it wishes of the reader."""

import json
from typing import Any

from common.core.audit.confirmations import Confirmed
from common.core.audit.divergence import Divergence
from common.core.audit.heard import Heard
from common.core.audit.live import SNAPSHOT_WITHIN_NS, Audit
from common.core.audit.wishes import Wish
from common.core.rows.reading import Row, row_of
from tests.core.audit.test_checks import TOKEN, Levels, document

S = 1_000_000_000


class Feed:
    """One reader's session whose exchange can be heard or not, and an auditor that hears the reader."""

    def __init__(self) -> None:
        self.audit = Audit(silence_ns=60 * S)
        self.bids: Levels = {"0.42": "10", "0.40": "5"}
        self.now_ms, self.sequence, self.wishes = 1_000_000, 0, list[Wish]()
        self.divergences: list[Divergence] = []
        self.snapshot()
        self.take_checkpoint()
        self.change("10")

    def take_checkpoint(self, *, requested_ns: int = 0) -> None:
        self.audit.checkpoint(self._checkpoint(requested_ns), self.now_ms * 1_000_000)
        self.judge()

    def _checkpoint(self, requested_ns: int) -> Row:
        book = document(self.bids, {"0.44": "7"}, self.now_ms)
        row = {
            "record_type": "rest_checkpoint",
            "received_at_ns": 1,
            "requested_at_ns": requested_ns,
            "checkpoint_sequence": requested_ns,
            "response": {"raw_response_json": [book]},
        }
        return row_of(json.dumps(row).encode())

    def hear(self, event: dict[str, Any]) -> None:
        self.sequence += 1
        at_ns = self.now_ms * 1_000_000
        heard = Heard("r", "s", self.sequence, at_ns)
        self.audit.message(heard, at_ns, json.dumps(event).encode())
        self.judge()

    def judge(self) -> None:
        self.wishes += self.audit.judge(self.now_ms * 1_000_000, self.now_ms * 1_000_000)
        self.divergences += self.audit.take_divergences()

    def snapshot(self) -> None:
        self.hear({**document(self.bids, {"0.44": "7"}, self.now_ms), "event_type": "book"})

    def change(self, size: str, *, after_ms: int = 10) -> None:
        self.now_ms += after_ms
        self.bids["0.42"] = size
        stated = document(self.bids, {"0.44": "7"}, self.now_ms)["hash"]
        entry = {"asset_id": TOKEN, "price": "0.42", "size": size, "side": "BUY", "hash": stated}
        event = {"event_type": "price_change", "market": "0xabc", "timestamp": str(self.now_ms)}
        self.hear({**event, "price_changes": [entry]})

    def lose(self, size: str) -> None:
        """A level changes unheard, and what follows shows it."""
        self.bids["0.40"] = size
        for each in ("11", "12", "13"):
            self.change(each, after_ms=600)

    def actions(self) -> list[str]:
        actions: list[str] = [wish.action for wish in self.wishes]
        self.wishes.clear()
        return actions


class TwoLegs(Feed):
    """The same over two connections."""

    def hear(self, event: dict[str, Any], *, unheard_by: tuple[str, ...] = ()) -> None:
        self.sequence += 1
        at_ns = self.now_ms * 1_000_000
        for leg in ("a", "b"):
            heard = Heard(f"ws_reader-0{leg}", f"s{leg}", self.sequence, at_ns)
            payload = b"PONG" if leg in unheard_by else json.dumps(event).encode()
            self.audit.message(heard, at_ns, payload)
        self.judge()

    def lose_on(self, *legs: str) -> None:
        """These legs do not hear that a level changes; what follows shows it on them."""
        self.now_ms += 600
        self.bids["0.40"] = "77"
        stated = document(self.bids, {"0.44": "7"}, self.now_ms)["hash"]
        entry = {"asset_id": TOKEN, "price": "0.40", "size": "77", "side": "BUY", "hash": stated}
        event = {"event_type": "price_change", "market": "0xabc", "timestamp": str(self.now_ms)}
        self.hear({**event, "price_changes": [entry]}, unheard_by=legs)
        for each in ("11", "12", "13"):
            self.change(each, after_ms=600)


def test_what_one_leg_lost_is_healed_on_that_leg_alone_and_told_as_its_loss() -> None:
    feed = TwoLegs()
    assert feed.audit.books == 1, "a token counts once"
    feed.lose_on("b")
    assert {wish.reader for wish in feed.wishes} == {"ws_reader-0b"}
    assert feed.wishes[0].action == "resubscribe"
    assert {found.leg for found in feed.divergences} == {"b"}
    assert feed.divergences[-1].other_leg == "agrees"
    assert feed.audit.unhealed == 1


def test_a_divergence_of_both_legs_is_no_matter_of_one() -> None:
    feed = TwoLegs()
    feed.lose_on("a", "b")
    assert {wish.reader for wish in feed.wishes} == {"ws_reader-0a", "ws_reader-0b"}
    assert feed.divergences[-1].other_leg == "diverged"


def test_a_checkpoint_is_compared_with_the_book_of_each_leg() -> None:
    feed = TwoLegs()
    feed.change("30")
    feed.take_checkpoint(requested_ns=5)
    feed.change("31", after_ms=5000)
    assert feed.audit.confirmed.keys() == {"ws_reader-0a", "ws_reader-0b"}


def test_a_divergence_is_given_once_when_it_is_found_whatever_shows_its_levels_later() -> None:
    feed = Feed()
    feed.lose("6")
    [found] = feed.divergences
    assert (found.verdict, found.check, found.levels_from, found.levels) == (
        "divergence",
        "hash",
        "nothing",
        (),
    )
    assert (found.session_id, found.token_id, found.number) == ("s", TOKEN, 0)
    [wish] = feed.wishes
    assert wish.action == "resubscribe"
    assert wish.diverged
    feed.take_checkpoint()
    feed.snapshot()
    assert feed.divergences == [found]
    assert feed.actions() == ["resubscribe"]


def test_a_divergence_that_a_snapshot_shows_has_its_levels() -> None:
    feed = Feed()
    feed.bids["0.40"] = "6"
    feed.change("11")
    feed.snapshot()
    feed.change("12", after_ms=600)
    [found] = feed.divergences
    assert (found.check, found.levels_from, found.differing_levels) == ("hash", "snapshot", 1)
    assert found.levels == ({"side": "bid", "price": "0.40", "rebuilt": "5", "exchange": "6"},)


def test_a_connection_is_replaced_when_a_snapshot_has_shown_what_was_wrong() -> None:
    feed = Feed()
    feed.lose("6")
    feed.snapshot()
    assert feed.audit.unhealed == 1, "a snapshot agrees with itself"
    feed.actions()
    feed.lose("7")
    assert feed.actions() == ["resubscribe"]
    feed.snapshot()
    assert feed.actions() == ["replace"]
    feed.change("14")
    assert feed.audit.unhealed == 0


def test_a_connection_is_replaced_also_when_no_snapshot_comes_in_time() -> None:
    feed = Feed()
    feed.lose("6")
    feed.snapshot()
    feed.lose("7")
    feed.actions()
    feed.now_ms += SNAPSHOT_WITHIN_NS // 1_000_000
    feed.judge()
    assert feed.actions() == ["replace"]


def test_a_wish_says_when_the_book_was_proved_last() -> None:
    feed = Feed()
    feed.change("20")
    proved_ms = feed.now_ms
    feed.lose("6")
    [wish] = feed.wishes
    assert wish.action == "resubscribe"
    assert wish.good_until_ns == proved_ms * 1_000_000


def test_a_checkpoint_that_agrees_confirms_the_session_until_it_was_requested() -> None:
    feed = Feed()
    assert not feed.audit.confirmed, "the row says no time"
    feed.take_checkpoint(requested_ns=77)
    assert feed.audit.confirmed == {"r": Confirmed("s", 77)}
    feed.lose("6")
    feed.take_checkpoint(requested_ns=99)
    assert feed.audit.confirmed == {"r": Confirmed("s", 77)}


def test_a_gap_of_single_tokens_is_of_the_past_and_voids_no_book() -> None:
    feed = Feed()
    for detail in ({"token_ids": [TOKEN]}, {"market_slug": "btc-1"}):
        feed.audit.life_cycle("r", gap_row(cause="diverged", **detail))
        assert feed.audit.books == 1
    feed.audit.life_cycle("r", gap_row(cause="spool_full"))
    assert feed.audit.books == 0


def gap_row(**detail: object) -> Row:
    row = {"record_type": "gap", "received_at_ns": 1, "session_id": "s", "gap": detail}
    return row_of(json.dumps(row).encode())
