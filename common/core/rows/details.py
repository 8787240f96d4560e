"""The objects inside a row, as readers of archives take them. A field that an older version did not write is empty."""

import msgspec

from common.core.instants import parse_utc_ns

NOTHING = msgspec.Raw(b"null")


class Where(msgspec.Struct, frozen=True):
    """The address that a row's session or request is of."""

    url: str = ""


class Subscription(msgspec.Struct, frozen=True):
    """The token ids that are subscribed from the row on."""

    revision: int = 0
    assets_ids: tuple[str, ...] = ()


class Opened(msgspec.Struct, frozen=True):
    """What the exchange answered to a session's handshake."""

    handshake_headers: dict[str, str] = {}


class Awaited(msgspec.Struct, frozen=True):
    """A token whose opening book had not come when an archive window began."""

    token_id: str = ""
    since_utc: str = ""

    @property
    def since_ns(self) -> int | None:
        """When its session asked for the book; None where the text is not an instant."""
        try:
            return parse_utc_ns(self.since_utc)
        except ValueError:
            return None


class Changed(msgspec.Struct, frozen=True):
    """Token ids that came and went; what is awaited is stated at the start of a window alone."""

    subscribed: tuple[str, ...] = ()
    unsubscribed: tuple[str, ...] = ()
    awaiting_books: tuple[Awaited, ...] = ()


class Closed(msgspec.Struct, frozen=True):
    """Why a session ended, and how many messages it had."""

    reason: str = ""
    messages: int = 0


class Response(msgspec.Struct, frozen=True):
    """The answer to a REST request. `raw_response_json` is its body where that is JSON."""

    status_code: int | None = None
    elapsed_ms: float | None = None
    raw_response_json: msgspec.Raw = NOTHING
    raw_text: str | None = None
    raw_base64: str | None = None
