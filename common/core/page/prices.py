"""What the book auditor says of this moment, laid out for the page: prices, rates and checks of markets, a ladder."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from common.core.instants import utc_text
from common.core.page.live import Checked, LadderNow, LiveAnswer, LiveQuestion, TokenNow

Row = Mapping[str, Any]
NO_ANSWER = "the book auditor does not answer"
RESTS = "the book auditor lets messages pass for a moment: there are too many"
NO_BOOK = "no book of this token is known now"
_WORST_FIRST = ("divergence", "rest_wrong", "healed", "not_checkable", "size_only", "agree_late", "agree")


def question_about(markets: Iterable[Row]) -> LiveQuestion:
    """The question for rows of `markets_view`."""
    rows = list(markets)
    return LiveQuestion(
        token_ids=tuple(token["token_id"] for row in rows for token in row["tokens"]),
        markets=tuple(row["condition_id"] for row in rows),
    )


def with_prices(view: Row, answer: LiveAnswer | None) -> dict[str, Any]:
    """A `markets_view` whose rows have prices, rate and last check; null where they are not known."""
    why = NO_ANSWER if answer is None else RESTS if answer.rests else ""
    answer = answer or LiveAnswer()
    return {**view, "prices_missing": why, "markets": [_market(row, answer) for row in view["markets"]]}


def _market(row: Row, answer: LiveAnswer) -> dict[str, Any]:
    now = [answer.tokens.get(token["token_id"], TokenNow()) for token in row["tokens"]]
    rate = None if answer.rates is None else answer.rates.get(row["condition_id"])
    tokens = [{**token, **_prices(each)} for token, each in zip(row["tokens"], now, strict=True)]
    return {**row, "tokens": tokens, "rate": rate, "check": _worst([each.checked for each in now])}


def _prices(token: TokenNow) -> dict[str, Any]:
    bid, ask = token.best_bid, token.best_ask
    return {"book": token.book, "bid": bid, "ask": ask, "spread": spread(bid, ask), "mid": mid(bid, ask)}


def _worst(checks: Sequence[Checked | None]) -> dict[str, Any] | None:
    """The worst last check of a market's tokens; None while one of them was never checked."""
    known = [check for check in checks if check is not None]
    if not known or len(known) < len(checks):
        return None
    return _check(min(known, key=lambda check: _WORST_FIRST.index(check.verdict)))


def _check(check: Checked) -> dict[str, Any]:
    at_utc = utc_text(check.timestamp_ms * 1_000_000) if check.timestamp_ms else None
    return {"verdict": check.verdict, "reason": check.reason, "at_utc": at_utc}


def spread(bid: str | None, ask: str | None) -> str | None:
    """The ask less the bid, exactly; None while one of them is missing."""
    return None if bid is None or ask is None else format((Decimal(ask) - Decimal(bid)).normalize(), "f")


def mid(bid: str | None, ask: str | None) -> float | None:
    """Half-way between the two; None while one of them is missing."""
    return None if bid is None or ask is None else float((Decimal(bid) + Decimal(ask)) / 2)


def ladder_question(token_id: str) -> LiveQuestion:
    """The question for `ladder_view`."""
    return LiveQuestion(token_ids=(token_id,), ladder=token_id)


def ladder_view(token_id: str, answer: LiveAnswer | None, named: Row | None) -> dict[str, Any]:
    """A token's book of this moment. `why` says why there is none; `named` is its market in the run manifest."""
    outcome = next(
        (each["outcome"] for each in (named or {}).get("tokens", ()) if each["token_id"] == token_id), ""
    )
    ladder = None if answer is None else answer.ladder
    token = None if answer is None else answer.tokens.get(token_id)
    why = NO_ANSWER if answer is None else RESTS if answer.rests else NO_BOOK
    return {
        "token": {
            "token_id": token_id,
            "market_slug": "" if named is None else named["slug"],
            "outcome": outcome,
        },
        "why": "" if ladder is not None else why,
        "check": None if token is None or token.checked is None else _check(token.checked),
        "book": None if ladder is None else _ladder(ladder),
    }


def _ladder(ladder: LadderNow) -> dict[str, Any]:
    bid = ladder.bids[0][0] if ladder.bids else None
    ask = ladder.asks[0][0] if ladder.asks else None
    return {
        "reader": ladder.reader,
        "at_utc": utc_text(-(-ladder.received_at_ns // 1000) * 1000),  # rounded up: the message is before it
        "book_of_utc": utc_text(ladder.timestamp_ms * 1_000_000),
        "mid": mid(bid, ask),
        "spread": spread(bid, ask),
        "tick_size": ladder.tick_size,
        "bids": ladder.bids,
        "asks": ladder.asks,
        "bid_levels": ladder.bid_levels,
        "ask_levels": ladder.ask_levels,
        "trades": [
            {
                "at_utc": utc_text(each.received_at_ns),
                "price": each.price,
                "size": each.size,
                "side": each.side,
            }
            for each in ladder.trades
        ],
    }
