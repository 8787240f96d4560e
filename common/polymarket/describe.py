"""A message or a row in a few words, for people who watch the stream go by. Never raises on foreign content."""

from collections.abc import Mapping
from typing import Any

import msgspec

from common.core.market import Token
from common.core.rows import websocket
from common.core.rows.reading import Row
from common.core.rows.rest import REST_CHECKPOINT

_Object = Mapping[str, Any]


def describe_message(payload: bytes, tokens: Mapping[str, Token]) -> tuple[str, str]:
    """Which market and outcome a payload speaks of, and what it says. `tokens` are those known, by id."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", payload[:200].decode(errors="replace")
    if isinstance(message, list):
        if len(message) != 1:
            return "", f"{len(message)} messages in an array"
        message = message[0]
    if not isinstance(message, dict):
        return "", str(message)
    return _where(message, tokens), _what(message)


def describe_row(row: Row) -> str:
    """What a row of our own says. Raises ArchiveError where a part of it is not what it should be."""
    detail = row.detail
    match row.record_type:
        case websocket.SESSION_OPENED:
            return f"{len(row.tokens)} tokens"
        case websocket.SESSION_CLOSED:
            return f"{row.closed.reason} after {row.closed.messages} messages"
        case websocket.SUBSCRIPTION_CHANGED:
            return f"+{len(row.changed.subscribed)} -{len(row.changed.unsubscribed)} tokens"
        case websocket.GAP:
            return f"{detail.get('cause')} from {detail.get('from_utc')} to {detail.get('to_utc')}"
        case websocket.DIVERGENCE:
            return f"token {detail.get('token_id')}: {detail.get('why')}"
        case _:
            return _checkpoint(row)


def _checkpoint(row: Row) -> str:
    response = row.response
    asked, missing = len(row.tokens), len(row.missing_token_ids)
    answer = "no answer"
    if response is not None:
        answer = f"{response.status_code} in {response.elapsed_ms or 0:.0f} ms"
    error = f": {row.error}" if row.error else ""
    what = "books" if row.record_type == REST_CHECKPOINT else "tokens"
    return f"{answer}, {asked - missing} of {asked} {what}{error}"


def _where(message: _Object, tokens: Mapping[str, Token]) -> str:
    changes = _objects(message.get("price_changes"))
    token_id = str(message.get("asset_id") or (changes[0].get("asset_id") if changes else ""))
    token = tokens.get(token_id)
    if token is not None:
        return f"{token.market_slug} {token.outcome}"
    return str(message.get("slug") or (f"token {token_id}" if token_id else ""))


def _what(message: _Object) -> str:
    changes = _objects(message.get("price_changes"))
    if changes:
        first, more = changes[0], len(changes) - 1
        words = f"{_trade(first)}  {_quote(first)}"
        return f"{words}  +{more}" if more else words
    if "bids" in message and "asks" in message:
        bids, asks = _objects(message["bids"]), _objects(message["asks"])
        return f"{_level(bids)} | {_level(asks)}  {len(bids)} bids, {len(asks)} asks"
    if "new_tick_size" in message:
        return f"tick {message.get('old_tick_size')} -> {message['new_tick_size']}"
    if "best_bid" in message:
        return f"{_quote(message)}  spread {message.get('spread')}"
    if "price" in message:
        return _trade(message)
    return str(message.get("winning_outcome") or message.get("question") or "")


def _objects(value: object) -> list[_Object]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _level(levels: list[_Object]) -> str:
    """The best is the last, on this exchange."""
    return f"{levels[-1].get('price')} x {levels[-1].get('size')}" if levels else "none"


def _quote(message: _Object) -> str:
    return f"{message.get('best_bid')} | {message.get('best_ask')}"


def _trade(message: _Object) -> str:
    return f"{message.get('side')} {message.get('size')} @ {message.get('price')}"
