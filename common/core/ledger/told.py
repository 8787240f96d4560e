"""What a row of the websocket stream tells of its session, beside its message."""

import msgspec

from common.core.instants import parse_utc_ns
from common.core.market import Token


class Awaited(msgspec.Struct, frozen=True):
    """A token whose opening book had not come when an archive window began."""

    token_id: str = ""
    since_utc: str = ""

    @property
    def since_ns(self) -> int | None:
        """When its session asked for the book; None where the text is no instant."""
        try:
            return parse_utc_ns(self.since_utc)
        except ValueError:
            return None


class Changed(msgspec.Struct, frozen=True):
    """Token ids that came and went; what is awaited is told at the start of a window alone."""

    subscribed: tuple[str, ...] = ()
    unsubscribed: tuple[str, ...] = ()
    awaiting_books: tuple[Awaited, ...] = ()


class Subscription(msgspec.Struct, frozen=True):
    """The token ids that are subscribed from the row on."""

    assets_ids: tuple[str, ...] = ()


class Closed(msgspec.Struct, frozen=True):
    """Why a session ended."""

    reason: str = ""


class Told(msgspec.Struct, frozen=True):
    """What a row says beside its message: of its session, and of what happened to it."""

    subscription: Subscription = Subscription()
    tokens_tracked: tuple[Token, ...] = ()
    subscription_changed: Changed = Changed()
    session_closed: Closed = Closed()


_TOLD = msgspec.json.Decoder(Told)


def told_by(line: bytes) -> Told:
    """What a line tells; nothing where it cannot be read."""
    try:
        return _TOLD.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Told()
