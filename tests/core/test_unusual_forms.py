"""Books whose prices and sizes are written in unusual forms: their hashes are found, and they accuse no book."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from common.core.audit.checks import HEAL_MS, BookChecks
from common.core.audit.results import UNUSUAL_FORMS, Result
from common.core.books.connection import Books
from common.core.books.hash import HashTerms
from common.core.events.reader import read_events
from common.core.recipes.proof import HashProof

MARKET, TOKEN = "0x" + "a" * 64, "7" * 60
START_MS = 1_795_462_109_000
Style = Callable[[str], Any]


def usual(text: str) -> str:
    return text


def leading_point(text: str) -> str:
    return text.removeprefix("0") if text.startswith("0.") else text


def four_places(text: str) -> str:
    return f"{float(text):.4f}"


class Exchange:
    """Writes prices and sizes in one style, and hashes them in another."""

    def __init__(self, written: Style, hashed: Style) -> None:
        self.written, self.hashed = written, hashed
        self.bids, self.now_ms = {"0.42": "10", "0.4": "3.5"}, START_MS
        self.checks = BookChecks(
            Books(), HashProof(terms={TOKEN: HashTerms("5", neg_risk=False, tick_size="0.01")})
        )
        self.found: list[Result] = []

    def snapshot(self) -> None:
        self.now_ms += 10
        sides = {"bids": self._levels(self.written), "asks": []}
        self._tell({"asset_id": TOKEN, **sides, "hash": self._hash(), "event_type": "book"})

    def change(self, price: str, size: str, *, lost: bool = False) -> None:
        self.now_ms += 10
        self.bids[price] = size
        entry = {"asset_id": TOKEN, "price": self.written(price), "size": self.written(size), "side": "BUY"}
        if not lost:
            self._tell({"price_changes": [entry | {"hash": self._hash()}], "event_type": "price_change"})

    def later(self) -> None:
        for _ in range(5):
            self.now_ms += HEAL_MS
            self.checks.judge(self.now_ms)
        self.found += self.checks.results.take()

    def _tell(self, event: dict[str, Any]) -> None:
        payload = json.dumps(event | {"market": MARKET, "timestamp": str(self.now_ms)}).encode()
        for each in read_events(payload):
            self.checks.take(each)
        self.checks.judge(self.now_ms)

    def _levels(self, style: Style) -> list[dict[str, Any]]:
        return [{"price": style(price), "size": style(self.bids[price])} for price in sorted(self.bids)]

    def _hash(self) -> str:
        book: dict[str, Any] = {
            "market": MARKET,
            "asset_id": TOKEN,
            "timestamp": str(self.now_ms),
            "hash": "",
        }
        book |= {"bids": self._levels(self.hashed), "asks": [], "min_order_size": "5", "tick_size": "0.01"}
        text = json.dumps(book | {"neg_risk": False, "last_trade_price": ""}, separators=(",", ":"))
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def verdicts(self) -> set[str]:
        self.later()
        return {result.verdict for result in self.found if result.check == "hash"}


@pytest.mark.parametrize(
    ("written", "hashed"),
    [(leading_point, usual), (four_places, usual), (float, usual), (leading_point, leading_point)],
)
def test_hashes_hold_over_the_usual_texts_and_over_those_that_were_written(
    written: Style, hashed: Style
) -> None:
    exchange = Exchange(written, hashed)
    exchange.snapshot()
    exchange.change("0.43", "7")
    exchange.change("0.4", "2.25")
    assert exchange.verdicts() == {"agree"}


def test_a_change_of_style_in_the_middle_of_a_session_is_followed() -> None:
    exchange = Exchange(usual, usual)
    exchange.snapshot()
    exchange.change("0.43", "7")
    exchange.written = leading_point
    exchange.change("0.41", "8")
    exchange.change("0.43", "0.5")
    assert exchange.verdicts() == {"agree"}


def test_a_style_of_which_no_hash_is_known_accuses_no_book() -> None:
    exchange = Exchange(usual, usual)
    exchange.snapshot()
    exchange.change("0.43", "7")
    exchange.written, exchange.hashed = leading_point, four_places
    for size in ("8", "9", "10.5"):
        exchange.change("0.41", size)
        exchange.later()
    assert "divergence" not in exchange.verdicts()
    assert UNUSUAL_FORMS in {result.reason for result in exchange.found}


def test_a_change_that_is_lost_still_diverges_where_unusual_forms_have_agreed() -> None:
    exchange = Exchange(leading_point, usual)
    exchange.snapshot()
    exchange.change("0.43", "7")
    exchange.change("0.4", "9", lost=True)
    exchange.change("0.41", "8")
    assert "divergence" in exchange.verdicts()
