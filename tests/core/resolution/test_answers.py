import json
from typing import Any

import pytest

from common.core.resolution.answers import (
    SPLIT,
    Told,
    gamma_object,
    metadata_digest,
    strike_in,
    told_by_data_api,
    told_by_gamma,
)

CONDITION = "0x" + "ab" * 32
OUTCOMES = {CONDITION: ("Up", "Down")}
OPEN: dict[str, Any] = {
    "slug": "w",
    "conditionId": CONDITION,
    "outcomes": '["Up", "Down"]',
    "outcomePrices": '["0.4", "0.6"]',
    "closed": False,
    "orderMinSize": 5,
    "updatedAt": "2026-11-23T12:00:00Z",
}
CLOSED = {**OPEN, "closed": True, "outcomePrices": '["0", "1"]', "closedTime": "2026-07-24 00:00:16+00"}


@pytest.mark.parametrize(
    ("market", "winner"),
    [
        (CLOSED, "Down"),
        ({**CLOSED, "outcomePrices": ["1", "0"]}, "Up"),
        ({**CLOSED, "outcomePrices": '["0.5", "0.5"]', "umaResolutionStatus": "resolved"}, SPLIT),
        ({**CLOSED, "outcomePrices": '["1", "0"]', "resolutionStatus": "resolved"}, "Up"),
        (OPEN, None),
        ({**CLOSED, "closed": False}, None),
        ({**CLOSED, "outcomePrices": '["0.4", "0.6"]'}, None),
        ({**CLOSED, "outcomePrices": '["1"]'}, None),
        ({**CLOSED, "outcomePrices": '["0", "0"]', "umaResolutionStatus": "resolved"}, None),
        ({**CLOSED, "outcomePrices": '["x", null]'}, None),
        ({**CLOSED, "outcomes": None}, None),
    ],
)
def test_gamma_has_resolved_a_market_that_is_closed_and_whose_prices_are_whole(
    market: dict[str, Any], winner: str | None
) -> None:
    told = told_by_gamma(market)
    assert (told and told.winner) == winner


def answer(*rows: object) -> bytes:
    return json.dumps({"data": rows}).encode()


ROW = {"condition_id": CONDITION, "status": "resolved", "payouts": [1_000_000, 0], "reporter": "CHAINLINK"}


def test_the_data_api_says_it_by_payouts() -> None:
    row = {**ROW, "resolved_at": "2026-11-23T12:07:00Z"}
    expected = {CONDITION: Told("Up", "CHAINLINK", "2026-11-23T12:07:00Z")}
    assert told_by_data_api(answer(row), OUTCOMES) == expected


@pytest.mark.parametrize(
    ("change", "winner"),
    [
        ({"payouts": [0, 1_000_000]}, "Down"),
        ({"payouts": [500_000, 500_000]}, SPLIT),
        ({"condition_id": CONDITION.upper().replace("X", "x")}, "Up"),
        ({"status": "proposed"}, None),
        ({"payouts": []}, None),
        ({"payouts": None}, None),
        ({"payouts": [1_000_000]}, None),
        ({"payouts": ["a"]}, None),
        ({"condition_id": "0x" + "cd" * 32}, None),
    ],
)
def test_rows_that_do_not_say_how_a_condition_was_resolved_say_nothing(
    change: dict[str, Any], winner: str | None
) -> None:
    told = told_by_data_api(answer({**ROW, **change}, 7, {}), OUTCOMES)
    assert told is not None
    assert (told[CONDITION].winner if told else None) == winner


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"error":"Too Many Requests"}', b'{"data":7}', b"\xff"]
)
def test_bodies_that_are_not_answers_are_told_apart_from_no_resolution(body: bytes) -> None:
    assert told_by_data_api(body, OUTCOMES) is None
    assert gamma_object(body) is None
    assert told_by_data_api(b'{"data":[]}', OUTCOMES) == {}


def test_metadata_changes_by_what_is_fixed_and_not_by_what_moves_all_the_time() -> None:
    digest = metadata_digest(OPEN)
    assert metadata_digest({**CLOSED, "updatedAt": "later"}) == digest
    for change in (
        {"orderMinSize": 15},
        {"feeSchedule": {"rate": 0.07}},
        {"question": "?"},
        {"events": [{"eventMetadata": {"priceToBeat": 100}}]},
    ):
        assert metadata_digest({**OPEN, **change}) != digest


def test_the_strike_is_in_the_event_s_metadata() -> None:
    assert strike_in(OPEN) == ""
    assert strike_in({**OPEN, "events": [{"eventMetadata": {"priceToBeat": 86012.5}}]}) == "86012.5"


@pytest.mark.parametrize("price", ["abc", "NaN", "", None, [1], True])
def test_what_is_not_a_price_is_not_a_strike(price: object) -> None:
    assert strike_in({**OPEN, "events": [{"eventMetadata": {"priceToBeat": price}}]}) == ""
