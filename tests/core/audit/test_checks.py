import hashlib
import json
from typing import Any

from common.core.audit.checkpoints import REST_AHEAD_MS
from common.core.audit.checks import BATCH_MS, HEAL_MS, BookChecks
from common.core.audit.results import Result
from common.core.books.connection import Books
from common.core.books.hash import HashTerms
from common.core.events.reader import read_events
from common.core.events.rest_answer import read_checkpoint
from common.core.recipes.proof import HashProof

TOKEN = "7" * 40
TERMS = HashTerms("5", neg_risk=False)
Levels = dict[str, str]


def document(
    bids: Levels, asks: Levels, at_ms: int, trade: str = "0.430", least: str = "5", token: str = TOKEN
) -> dict[str, Any]:
    """A book as REST answers it, with its hash by the published recipe."""
    book: dict[str, Any] = {
        "market": "0xabc",
        "asset_id": token,
        "timestamp": str(at_ms),
        "hash": "",
        "bids": [{"price": price, "size": bids[price]} for price in sorted(bids, key=float)],
        "asks": [{"price": price, "size": asks[price]} for price in sorted(asks, key=float, reverse=True)],
        "min_order_size": least,
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": trade,
    }
    text = json.dumps(book, separators=(",", ":"))
    book["hash"] = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return book


class Stream:
    """An exchange's book, and the checks that follow what is told of it."""

    def __init__(
        self, *, terms: bool = True, least: str = "5", token: str = TOKEN, proof: HashProof | None = None
    ) -> None:
        self.bids, self.asks, self.now_ms, self.trade = {"0.42": "10"}, {"0.44": "7"}, 1000, "0.430"
        self.least, self.token = least, token
        self.terms = {token: TERMS} if terms else {}
        self.proof = proof or HashProof(terms=self.terms)
        self.checks = BookChecks(Books(), self.proof)
        self.found: list[Result] = []

    def tell(self, event: dict[str, Any]) -> None:
        for each in read_events(json.dumps(event).encode()):
            self.checks.take(each)
        self.judge()

    def judge(self) -> None:
        self.checks.judge(self.now_ms)
        self.found += self.checks.results.take()

    def snapshot(self, *without: str) -> None:
        book = self._document()
        left_out = {*without, "min_order_size", "neg_risk"}  # which only REST tells
        told = {name: value for name, value in book.items() if name not in left_out}
        self.tell({**told, "event_type": "book"})

    def change(self, price: str, size: str, *, after_ms: int = 10, lost: bool = False) -> None:
        """A bid gets this size."""
        self.now_ms += after_ms
        self.bids[price] = size
        if size == "0":
            del self.bids[price]
        if not lost:
            self._tell_change(price, size)

    def batch(self, sizes: Levels, *, snapshot_after: int) -> None:
        """Bids get these sizes at once, told one by one, with a snapshot behind so many of them."""
        self.now_ms += 10
        self.bids |= sizes
        for told, (price, size) in enumerate(sizes.items()):
            if told == snapshot_after:
                self.snapshot()
            self._tell_change(price, size)

    def _document(self) -> dict[str, Any]:
        return document(self.bids, self.asks, self.now_ms, self.trade, self.least, self.token)

    def _tell_change(self, price: str, size: str) -> None:
        best = {"best_bid": max(self.bids, key=float), "best_ask": min(self.asks, key=float)}
        stated = self._document()["hash"]
        entry = {"asset_id": self.token, "price": price, "size": size, "side": "BUY", "hash": stated, **best}
        self.tell(
            {
                "event_type": "price_change",
                "market": "0xabc",
                "timestamp": str(self.now_ms),
                "price_changes": [entry],
            }
        )

    def checkpoint(self, bids: Levels | None = None, *, at_ms: int = 0, **spoilt: str) -> None:
        book = document(bids or self.bids, self.asks, at_ms or self.now_ms, self.trade) | spoilt
        for shown in read_checkpoint(json.dumps([book]).encode()):
            self.checks.checkpoint(shown, 9)
        self.judge()

    def verdicts(self, check: str) -> list[str]:
        return [result.verdict for result in self.found if result.check == check]

    def reasons(self) -> set[str]:
        return {result.reason for result in self.found if result.reason}


def test_each_stated_hash_is_checked_once_and_repeats_change_nothing() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.41", "3")
    stream.change("0.41", "3", after_ms=0)
    stream.change("0.42", "11")
    assert stream.verdicts("hash") == ["agree"] * 3
    assert stream.verdicts("best") == ["agree"] * 2


def test_a_market_whose_time_lags_behind_the_others_has_as_long_as_they() -> None:
    stream = Stream()
    connection_ms = stream.now_ms + 10 * HEAL_MS
    stream.checks.judge(connection_ms)
    stream.snapshot()
    stream.batch({"0.41": "3", "0.40": "2"}, snapshot_after=2)
    assert stream.verdicts("hash") == ["agree"] * 2, "half of a batch is no failed check"
    stream.change("0.39", "5", lost=True)
    stream.change("0.41", "4")
    stream.checks.judge(connection_ms + BATCH_MS + 1)
    stream.checks.judge(connection_ms + HEAL_MS)
    stream.judge()
    assert stream.verdicts("hash") == ["agree"] * 2, "it may still heal"
    stream.checks.judge(connection_ms + BATCH_MS + HEAL_MS + 2)
    stream.judge()
    assert stream.verdicts("hash") == ["agree"] * 2 + ["divergence"]


def test_a_trade_that_is_in_the_hash_before_it_is_announced_is_searched_for() -> None:
    stream = Stream()
    stream.snapshot()
    stream.trade = "0.777"
    stream.change("0.41", "3")
    assert stream.verdicts("hash") == ["agree"], "its batch may go on"
    stream.change("0.41", "4")
    assert stream.verdicts("hash") == ["agree"] * 3


def test_a_lost_change_diverges_a_second_later_and_the_next_snapshot_tells_its_levels() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.41", "2")
    stream.change("0.40", "5", lost=True)
    stream.change("0.41", "3")
    stream.change("0.41", "4")
    assert "divergence" not in stream.verdicts("hash")
    stream.change("0.41", "6", after_ms=HEAL_MS + 10)
    assert stream.verdicts("hash")[-1] == "divergence"
    assert stream.checks.results.take_settled() == []
    count = len(stream.found)
    stream.change("0.41", "8")
    stream.checkpoint()
    assert stream.found[count:][0].reason == "no snapshot since it diverged"
    stream.snapshot()
    [settled] = stream.checks.results.take_settled()
    assert settled.levels == (("bid", "0.40", "0", "5"),)
    stream.change("0.41", "9")
    assert stream.verdicts("hash")[-1] == "agree"


def test_a_snapshot_of_the_stated_hash_shows_at_once_what_was_lost_before() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.40", "5", lost=True)
    stream.change("0.41", "3")
    stream.change("0.43", "4", after_ms=BATCH_MS + 10)
    stream.snapshot()
    assert "divergence" not in stream.verdicts("hash"), "the rest of the batch may still come"
    stream.change("0.41", "4", after_ms=BATCH_MS + 10)
    [result] = [result for result in stream.found if result.verdict == "divergence"]
    assert result.levels == (("bid", "0.40", "0", "5"),)
    assert stream.checks.results.take_settled() == [result]
    stream.change("0.41", "5")
    assert stream.verdicts("hash")[-1] == "agree"
    assert "agree_late" not in stream.verdicts("hash")


def test_a_snapshot_amid_its_batch_contradicts_nothing() -> None:
    stream = Stream()
    stream.snapshot()
    stream.batch({"0.41": "3", "0.40": "5"}, snapshot_after=1)
    stream.change("0.41", "4", after_ms=HEAL_MS * 2)
    assert set(stream.verdicts("hash")) == {"agree"}


def test_a_snapshot_with_a_state_of_its_own_ends_a_failed_check_that_counts_as_wrong() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.41", "2")
    stream.change("0.40", "5", lost=True)
    stream.change("0.41", "3")
    stream.change("0.43", "4", after_ms=BATCH_MS + 10)
    stream.change("0.39", "5", after_ms=BATCH_MS + 10, lost=True)
    stream.snapshot()
    stream.change("0.41", "4", after_ms=HEAL_MS * 2)
    assert "divergence" not in stream.verdicts("hash")
    [healed] = [result for result in stream.found if result.verdict == "healed"]
    assert (healed.reason, healed.wrong_batches) == ("healed by a snapshot", 2)
    assert healed.wrong_ms == 10 + 2 * (BATCH_MS + 10) - 10


def test_where_hashes_are_thinned_out_a_lost_change_shows_in_the_next_that_is_checked() -> None:
    stream = Stream()
    stream.checks.thin_out(100)
    stream.snapshot()
    for size in range(3, 13):
        stream.change("0.41", str(size))
    assert stream.verdicts("hash") == ["agree"] * 2
    stream.change("0.40", "5", lost=True)
    stream.change("0.41", "2", after_ms=1)
    stream.snapshot()
    stream.change("0.41", "1", after_ms=BATCH_MS + 1)
    assert stream.verdicts("hash")[-1] == "divergence", "the snapshot shows it"
    stream.change("0.40", "6", lost=True)
    for size in range(3, 23):
        stream.change("0.41", str(size), after_ms=HEAL_MS // 10)
    assert stream.verdicts("hash").count("divergence") == 2


def test_a_failed_check_that_heals_by_itself_within_a_second_is_none() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.41", "2")
    stream.change("0.40", "5", lost=True)
    stream.change("0.41", "3")
    stream.change("0.40", "6")
    stream.change("0.41", "4", after_ms=HEAL_MS * 2)
    assert "divergence" not in stream.verdicts("hash")
    [healed] = [result for result in stream.found if result.verdict == "healed"]
    assert (healed.wrong_batches, healed.wrong_ms) == (1, 10)


def test_before_the_first_checkpoint_a_hash_that_holds_with_the_usual_terms_proves_them() -> None:
    stream = Stream(terms=False)
    stream.change("0.41", "3")
    stream.snapshot()
    stream.change("0.41", "2")
    stream.change("0.41", "4", lost=True)
    for each in ("5", "6", "7"):
        stream.change("0.42", each, after_ms=HEAL_MS)
    assert stream.verdicts("hash") == ["agree", "agree", "divergence"]


def test_a_book_that_begins_with_a_trades_snapshot_finds_its_tick_size_whatever_the_checkpoint_told() -> None:
    stream = Stream()
    stream.terms[TOKEN] = HashTerms("5", neg_risk=False, tick_size="0.1")
    stream.snapshot("tick_size")
    stream.change("0.41", "3")
    assert stream.verdicts("hash") == ["agree", "agree"]


def test_a_book_whose_tick_size_cannot_be_found_is_no_divergence() -> None:
    stream = Stream()
    stream.terms[TOKEN] = HashTerms("6", neg_risk=False, tick_size="0.1")
    stream.snapshot("tick_size")
    for size in ("3", "4", "5"):
        stream.change("0.41", size, after_ms=HEAL_MS)
    assert set(stream.verdicts("hash")) == {"not_checkable"}
    assert stream.reasons() == {"no tick size yet"}


def test_before_the_first_checkpoint_of_an_unusual_market_best_prices_are_all_that_can_be_checked() -> None:
    usual = Stream(terms=False)
    usual.snapshot()
    usual.change("0.43", "3")
    stream = Stream(terms=False, least="15", token="8" * 40, proof=usual.proof)
    stream.snapshot()
    stream.change("0.43", "3")
    stream.change("0.41", "3")
    assert set(stream.verdicts("hash")) == {"not_checkable"}
    assert stream.verdicts("best") == ["agree"]
    stream.change("0.435", "5", lost=True)
    stream.change("0.41", "4")
    stream.change("0.41", "5", after_ms=HEAL_MS)
    stream.change("0.41", "6", after_ms=HEAL_MS)
    assert stream.verdicts("best")[-1] == "divergence"


def test_best_prices_show_nothing_where_no_hash_of_the_protocol_has_agreed_with_them() -> None:
    stream = Stream(terms=False, least="15")
    stream.snapshot()
    stream.change("0.43", "3")
    stream.change("0.435", "5", lost=True)
    for size in ("4", "5", "6"):
        stream.change("0.41", size, after_ms=HEAL_MS)
    assert stream.verdicts("best") == ["agree"]
    assert stream.reasons() == {"no checkpoint yet"}


def test_a_checkpoint_agrees_now_late_or_when_the_stream_has_come_as_far() -> None:
    stream = Stream()
    stream.snapshot()
    old, old_ms = dict(stream.bids), stream.now_ms
    stream.checkpoint()
    stream.change("0.41", "3")
    stream.checkpoint(old, at_ms=old_ms)
    ahead = {**stream.bids, "0.39": "1"}
    stream.checkpoint(ahead, at_ms=stream.now_ms + 10)
    assert stream.verdicts("checkpoint") == ["agree", "agree_late"]
    stream.change("0.39", "1")
    assert stream.verdicts("checkpoint") == ["agree", "agree_late", "agree_late"]


def test_a_checkpoint_that_the_stream_never_shows_diverges_only_when_the_stream_is_past_it() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.41", "2")
    stream.checkpoint({**stream.bids, "0.39": "1"}, at_ms=stream.now_ms + 100)
    stream.judge()
    assert stream.verdicts("checkpoint") == [], "a silent stream is late, not wrong"
    stream.now_ms += REST_AHEAD_MS + 200
    stream.judge()
    [result] = [result for result in stream.found if result.check == "checkpoint"]
    assert (result.verdict, result.checkpoint_sequence) == ("divergence", 9)
    assert result.levels == (("bid", "0.39", "0", "1"),)


def test_a_checkpoint_with_other_sizes_at_the_same_prices_is_told_apart() -> None:
    stream = Stream()
    stream.snapshot()
    stream.change("0.41", "2")
    stream.checkpoint({**stream.bids, "0.42": "11"}, at_ms=stream.now_ms + 100)
    stream.now_ms += REST_AHEAD_MS + 200
    stream.judge()
    assert stream.verdicts("checkpoint") == ["size_only"]


def test_what_cannot_be_compared_says_why_and_is_no_divergence() -> None:
    stream = Stream()
    stream.checkpoint()
    stream.snapshot()
    stream.change("0.41", "2")
    stream.checkpoint(hash="f" * 40)
    stream.checkpoint(at_ms=stream.now_ms - 100)
    stream.change("0.40", "5", lost=True)
    stream.change("0.41", "3")
    stream.change("0.41", "4")
    stream.checks.reset()
    stream.now_ms += 10 * HEAL_MS
    stream.judge()
    assert stream.reasons() == {
        "no snapshot yet",
        "it contradicts its own hash",
        "older than the snapshot",
        "the book ended",
    }
    assert not {"divergence", "size_only"} & {result.verdict for result in stream.found}


def test_hostile_checkpoints_are_left_out() -> None:
    wrong = document({"0.4": "1"}, {}, 5)
    wrong["bids"][0]["price"] = -4
    no_number = document({"0.4": "1"}, {}, 5)
    no_number["bids"][0]["price"] = "x"
    assert read_checkpoint(json.dumps([no_number]).encode()) == []
    for answer in (b"", b"null", b"[[[", b'{"error":"x"}', b"[1,null,{}]", json.dumps([wrong]).encode()):
        assert read_checkpoint(answer) == []
