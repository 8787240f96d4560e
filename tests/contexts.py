"""Contexts as the tests need them."""

from collections.abc import Iterable

from common.core.envelope import Context
from common.core.market import Token
from common.core.rows.websocket import subscription_json, tokens_tracked_json
from common.queue.outbox import Outbox


def context_for(
    number: int,
    *,
    session_id: str,
    connection_sequence: int,
    url: str,
    subscription_revision: int,
    tokens: Iterable[Token],
) -> Context:
    """The context of a subscription revision, its JSON values encoded. `number` is dense from 1."""
    tracked = tuple(tokens)
    return Context(
        number,
        session_id,
        connection_sequence,
        url,
        subscription_json(subscription_revision, [token.token_id for token in tracked]),
        tokens_tracked_json(tracked),
    )


def open_context(outbox: Outbox) -> int:
    """Open one of no tokens, which messages can refer to; its number."""
    return outbox.open_context(
        session_id="s",
        connection_sequence=1,
        url="ws://x",
        subscription_json=b"{}",
        tokens_tracked_json=b"[]",
    ).number
