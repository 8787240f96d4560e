"""Ledgers of recordings with two legs: what one lost and the other has makes nothing worse, and is told."""

from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import UnsetType

from common.archive.read import closed_archives
from common.core.ledger.document import FeedLedger, TokenHour
from common.core.ledger.legs_document import FeedLegs, TokenLegs
from common.core.market import Token
from common.core.rows.websocket import GAP
from tests.archive.recordings import (
    DOWN,
    SECOND_NS,
    UP,
    Recorder,
    rewrite,
    told,
    verified,
    without_type,
)
from tests.archive.rows import NOON_NS
from tests.archive.test_ledgers import ledgers, token

MS = 1_000_000
QUARTER_NS = SECOND_NS // 4
LAG_NS = 50 * MS  # from the exchange's time to the receipt


class Leg:
    """One leg that records both tokens of a market; its receipts are later than the exchange's times by LAG_NS."""

    def __init__(self, root: Path, leg: str, tokens: Sequence[Token] = (UP, DOWN)) -> None:
        self.tokens = tokens
        self.recorder = Recorder(
            root,
            f"ws_reader-0{leg}-20261123T120000Z-a1b2c3",
            leg="b" if leg == "b" else "a",
            lanes=(2, 3) if leg == "b" else (0, 1),
        )

    def connect(self, at_ns: int, gap_from_ns: int = 0) -> None:
        self.recorder.at_ns = at_ns
        self.recorder.open(*self.tokens, gap_from_ns=gap_from_ns)
        self.recorder.at_ns += LAG_NS
        self.recorder.message([opening(each.token_id, at_ns) for each in self.tokens])

    def cut(self, at_ns: int) -> None:
        self.recorder.at_ns = at_ns
        self.recorder.close_session("connection_lost")

    def hears(self, exchange_ns: int, *, late_ns: int = 0, kept: bool = True) -> None:
        self.recorder.at_ns = exchange_ns + LAG_NS + late_ns
        self.recorder.message(change(exchange_ns), kept=kept)


def opening(token_id: str, at_ns: int) -> dict[str, object]:
    book = {"event_type": "book", "market": "0xc", "asset_id": token_id, "timestamp": str(at_ns // MS)}
    return {**book, "bids": [], "asks": [], "hash": "", "tick_size": "0.01", "last_trade_price": ""}


def change(at_ns: int) -> dict[str, object]:
    entry = {"price": "0.4", "size": str(at_ns // QUARTER_NS % 1000), "side": "BUY"}
    changes = [{"asset_id": UP.token_id, **entry}, {"asset_id": DOWN.token_id, **entry}]
    return {
        "market": "0xc",
        "price_changes": changes,
        "timestamp": str(at_ns // MS),
        "event_type": "price_change",
    }


def at(seconds: float, base_ns: int = NOON_NS) -> int:
    return base_ns + round(seconds * SECOND_NS)


def record(
    root: Path,
    leg: str,
    outages: Collection[tuple[float, float]],
    silent: tuple[float, float],
    *,
    base_ns: int = NOON_NS,
    tokens: Sequence[Token] = (UP, DOWN),
) -> None:
    """Two minutes of a change each quarter of a second, less outages, and less what is silently kept back."""
    one = Leg(root, leg, tokens)
    one.connect(base_ns)
    for quarter in range(4, 4 * 120):
        second = quarter / 4
        for down, up in outages:
            if second == down:
                one.cut(at(down, base_ns))
            if second == up:
                one.connect(at(up, base_ns), gap_from_ns=at(down, base_ns))
        if not any(down <= second < up for down, up in outages) and not silent[0] <= second < silent[1]:
            one.hears(at(second, base_ns), late_ns=3 * MS if leg == "b" else 0)
    one.recorder.close_session()
    one.recorder.end()


def legs_of(ledger: TokenHour) -> TokenLegs:
    assert not isinstance(ledger.legs, UnsetType)
    return ledger.legs


def of_all(ledger: FeedLedger) -> FeedLegs:
    assert not isinstance(ledger.legs, UnsetType)
    return ledger.legs


NEVER = (0.0, 0.0)


def test_an_outage_of_one_leg_that_the_other_covers_lowers_nothing_and_is_told_as_healed(
    tmp_path: Path,
) -> None:
    record(tmp_path, "a", [(20, 30)], NEVER)
    record(tmp_path, "b", [], NEVER)
    first, _ = ledgers(tmp_path)
    up = token(first, UP.token_id)
    assert (first.condition, up.condition, up.gap_seconds, up.unaccounted_seconds) == (
        "complete",
        "complete",
        0,
        0,
    )
    assert [(gap.cause, gap.leg) for gap in up.gaps] == [("cut", "a")]
    legs = legs_of(up)
    assert (legs.both, legs.only_a, legs.only_b) == (4 * 59 - 40, 0, 40)
    assert (legs.a, legs.b, up.messages) == (4 * 59 - 40, 4 * 59, 4 * 59)
    assert (legs.withheld_a, legs.withheld_b, legs.doubtful, legs.gap_seconds_b) == (0, 0, 0, 0)
    assert 10 <= legs.gap_seconds_a == legs.healed_seconds < 12
    assert (legs.order_agreement, legs.skew_p50_ms, legs.skew_p99_ms) == (1.0, 3, 3)
    assert of_all(first).healed_seconds == legs.healed_seconds
    assert of_all(first).gap_token_seconds_a == 2 * legs.gap_seconds_a
    checked = verified(tmp_path)
    assert [each.words for each in checked.findings] == []
    assert {each.gap_seconds for each in checked.coverage.tokens} == {0.0}
    assert {each.connected_seconds for each in checked.coverage.tokens} == {119.803}

    for path in closed_archives(tmp_path):
        rewrite(path, without_type(GAP))
    assert [words for words in told(tmp_path) if words.startswith("coverage")], (
        "leg a declares nothing any more"
    )


def test_what_neither_leg_covers_is_a_gap_of_the_union(tmp_path: Path) -> None:
    record(tmp_path, "a", [(20, 30)], NEVER)
    record(tmp_path, "b", [(25, 40)], NEVER)
    first, second = ledgers(tmp_path)
    up = token(first, UP.token_id)
    assert (first.condition, up.condition) == ("gap", "gap")
    assert legs_of(token(second, UP.token_id)).healed_seconds < 1
    assert 5 <= up.gap_seconds < 7
    legs = legs_of(up)
    assert legs.gap_seconds_a >= 10
    assert legs.gap_seconds_b >= 15
    assert 15 <= legs.healed_seconds < 17
    assert (legs.withheld_a, legs.withheld_b) == (0, 0)


def test_what_a_leg_was_not_sent_while_it_was_connected_is_told_as_withheld(tmp_path: Path) -> None:
    record(tmp_path, "a", [], NEVER)
    record(tmp_path, "b", [], (40.0, 45.0))
    first, _ = ledgers(tmp_path)
    up = token(first, UP.token_id)
    legs = legs_of(up)
    assert (legs.withheld_a, legs.withheld_b, legs.only_a, legs.only_b) == (0, 20, 20, 0)
    assert up.condition == "complete"
    assert 5 <= legs.gap_seconds_b == legs.healed_seconds < 6
    assert of_all(first).withheld_b == 2 * legs.withheld_b


def test_a_withheld_stretch_is_a_hole_where_the_other_leg_is_away_in_it(tmp_path: Path) -> None:
    record(tmp_path, "a", [(42, 43)], NEVER)
    record(tmp_path, "b", [], (35.0, 50.0))
    first, _ = ledgers(tmp_path)
    up = token(first, UP.token_id)
    assert up.condition == "gap"
    assert 1 <= up.gap_seconds < 3


def test_a_recording_of_one_leg_has_no_account_of_legs(tmp_path: Path) -> None:
    record(tmp_path, "a", [(20, 30)], NEVER)
    first, _ = ledgers(tmp_path)
    assert isinstance(first.legs, UnsetType)
    assert isinstance(token(first, UP.token_id).legs, UnsetType)
    assert [isinstance(gap.leg, UnsetType) for gap in first.gaps] == [True]
    assert first.condition == "gap"


def test_a_leg_that_died_for_good_leaves_the_other_ones_word(tmp_path: Path) -> None:
    record(tmp_path, "a", [], NEVER)
    other = Leg(tmp_path, "b")
    other.connect(at(0))
    for quarter in range(4, 100):
        other.hears(at(quarter / 4))
    other.recorder.end()
    first, second = ledgers(tmp_path)
    assert first.condition == "complete"
    assert 34 < legs_of(token(first, UP.token_id)).gap_seconds_b < 37
    assert isinstance(second.legs, UnsetType)
    assert GAP not in {gap.cause for gap in first.gaps}
