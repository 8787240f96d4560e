"""What a row of the websocket stream states of its session, beside its message."""

import msgspec

from common.core.market import Token
from common.core.rows.details import Changed, Closed, Subscription
from common.core.rows.reading import Row
from common.errors import ArchiveError


class Told(msgspec.Struct, frozen=True):
    """What a row says beside its message: of its session, and of what happened to it."""

    subscription: Subscription = Subscription()
    tokens_tracked: tuple[Token, ...] = ()
    subscription_changed: Changed = Changed()
    session_closed: Closed = Closed()


def told_by(row: Row) -> Told:
    """What a row states; nothing where it cannot be read."""
    try:
        return Told(row.subscribed, row.tokens, row.changed, row.closed)
    except ArchiveError:
        return Told()
