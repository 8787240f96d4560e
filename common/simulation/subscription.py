"""How the exchange takes what a client sends on the market websocket: subscriptions, PING, and nonsense."""

import json
from typing import Any

import msgspec

from common.simulation.connection import Connection

INVALID = "INVALID OPERATION"
NOTHING_NEW = "NO NEW ASSETS"


class Reply(msgspec.Struct, frozen=True):
    """A text to send, and the tokens whose opening books follow; None when there are none to send."""

    text: str = ""
    open_books: tuple[str, ...] | None = None


def answer_to(connection: Connection, text: str) -> Reply:
    """Apply one text frame of the client to its connection. There is never an acknowledgement."""
    if text == "PING":
        return Reply("PONG")
    try:
        request = json.loads(text)
    except ValueError:
        return Reply(INVALID)
    if not isinstance(request, dict):
        return Reply(INVALID)
    if "operation" in request:
        return _change(connection, request)
    return _first(connection, request)


def _first(connection: Connection, request: dict[str, Any]) -> Reply:
    if connection.opened:
        return Reply(INVALID)
    if request.get("type") != "market" or "assets_ids" not in request:
        return Reply()  # accepted, and then silent
    token_ids = _token_ids(request)
    if token_ids is None:
        return Reply(INVALID)
    connection.opened = True
    connection.flagged = request.get("custom_feature_enabled") is True
    connection.tokens.update(dict.fromkeys(token_ids))
    wants_books = token_ids and request.get("initial_dump", True) is True
    return Reply(open_books=token_ids) if wants_books else Reply()


def _change(connection: Connection, request: dict[str, Any]) -> Reply:
    token_ids = _token_ids(request)
    if not token_ids or request["operation"] not in ("subscribe", "unsubscribe"):
        return Reply(INVALID)
    connection.opened = True
    if request["operation"] == "unsubscribe":
        for token_id in token_ids:
            connection.tokens.pop(token_id, None)
        return Reply()
    connection.flagged = connection.flagged or request.get("custom_feature_enabled") is True
    added = tuple(token_id for token_id in token_ids if token_id not in connection.tokens)
    if not added:
        return Reply(NOTHING_NEW)
    connection.tokens.update(dict.fromkeys(added))
    return Reply(open_books=added)


def _token_ids(request: dict[str, Any]) -> tuple[str, ...] | None:
    token_ids = request.get("assets_ids")
    if not isinstance(token_ids, list) or not all(isinstance(one, str) and one for one in token_ids):
        return None
    return tuple(dict.fromkeys(token_ids))
