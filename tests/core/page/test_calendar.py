from typing import Any

from common.core.ledger.document import Condition
from common.core.page.calendar import (
    HOUR_NS,
    MOST_ROWS,
    OTHERS,
    LedgerConditions,
    TokenCondition,
    calendar_view,
    conditions_of,
    hour_view,
)
from tests.core.page.manifests import NOW, at


def ledger(condition: Condition, **tokens: Condition) -> LedgerConditions:
    named = tuple(TokenCondition(each, slug.replace("_", "-")) for slug, each in tokens.items())
    return LedgerConditions("ws_raw", at(0), condition, named)


def cells(view: dict[str, Any]) -> dict[str, str]:
    return {row["name"]: row["cells"] for row in view["rows"]}


def test_a_cell_holds_the_worst_of_its_hour_and_a_row_all_windows_of_a_series() -> None:
    hours = [
        conditions_of(ledger("gap", btc_5m_1796108400="complete", btc_5m_1796108700="gap"), NOW - HOUR_NS),
        conditions_of(ledger("complete", btc_5m_1796108400="complete", eth="degraded"), NOW),
        conditions_of(ledger("missing", btc_5m_1796109000="complete"), NOW + 1),
        conditions_of(ledger("missing"), NOW - 30 * HOUR_NS),
    ]
    view = calendar_view(hours, days=1, now_ns=NOW + HOUR_NS // 2)
    assert cells(view) == {
        "websocket stream": "." * 22 + "gm",
        "btc-5m": "." * 22 + "gc",
        "eth": "." * 23 + "d",
    }
    assert (view["hours"], view["from_utc"]) == (24, "2026-11-22T13:00:00.000000Z")


def test_many_series_are_bounded_and_the_rest_is_one_row() -> None:
    many: dict[str, Condition] = {f"m{number:03}": "complete" for number in range(MOST_ROWS)}
    hours = [
        conditions_of(ledger("gap", **many), NOW - HOUR_NS),
        conditions_of(ledger("gap", **many, rare="gap", seldom="complete"), NOW),
    ]
    view = calendar_view(hours, days=1, now_ns=NOW)
    assert (len(view["rows"]), view["left_out"]) == (MOST_ROWS + 2, 2)
    assert cells(view)[OTHERS].endswith(".g")


def test_an_hour_shows_its_tokens_the_worst_first_and_its_archives() -> None:
    tokens = [
        {"token_id": "1", "market_slug": "btc-5m-1796108400", "condition": "complete"},
        {"token_id": "2", "market_slug": "btc-5m-1796108400", "condition": "missing"},
        {"token_id": "3", "market_slug": "eth", "condition": "gap"},
    ]
    document = {"stream": "ws_raw", "tokens": tokens, "archives": [{"name": "a", "rows": 1, "sha256": "f"}]}
    (series,) = hour_view([document], row="btc-5m")["ledgers"]
    assert [token["token_id"] for token in series["tokens"]] == ["2", "1"]
    assert series["archives"] == document["archives"]
    (stream,) = hour_view([document], row="websocket stream")["ledgers"]
    assert [token["token_id"] for token in stream["tokens"]] == ["2", "3", "1"]
