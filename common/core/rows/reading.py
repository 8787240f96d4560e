"""A row of an archive as a reader of recordings sees it: what is seldom asked for is not decoded before."""

from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from common.core.exchange_told import exchange_of
from common.core.market import Exchange, Token
from common.core.rows.websocket import DIVERGENCE, GAP, SESSION_CLOSED, SESSION_OPENED, SUBSCRIPTION_CHANGED
from common.errors import ArchiveError

_NOTHING = msgspec.Raw(b"null")
_DETAILS = frozenset({SESSION_OPENED, SESSION_CLOSED, SUBSCRIPTION_CHANGED, GAP, DIVERGENCE})


class _Subscription(msgspec.Struct):
    assets_ids: tuple[str, ...] = ()


class _Where(msgspec.Struct):
    url: str = ""


class _Response(msgspec.Struct):
    status_code: int | None = None
    raw_response_json: msgspec.Raw = _NOTHING
    raw_text: str | None = None
    raw_base64: str | None = None


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row of either stream. Times are nanoseconds since 1970 and of the machine's monotonic clock.

    What a kind of row does not have is 0, empty or null here: message sequences of life-cycle and REST rows,
    `checkpoint_sequence` of websocket rows.
    """

    record_type: str
    received_at_ns: int
    stated_exchange: str | None = msgspec.field(default=None, name="exchange")
    producer: str = ""
    leg: str | None = None
    host: str = ""
    session_id: str | None = None
    connection_sequence: int = 0
    received_monotonic_ns: int = 0
    message_sequence: int = 0
    global_message_sequence: int = 0
    checkpoint_sequence: int = 0
    requested_at_ns: int = 0
    classified_event_types: tuple[str, ...] = ()
    missing_token_ids: tuple[str, ...] = ()
    error: str | None = None
    websocket: msgspec.Raw = _NOTHING
    request: msgspec.Raw = _NOTHING
    subscription: msgspec.Raw = _NOTHING
    tokens_tracked: msgspec.Raw = _NOTHING
    json: msgspec.Raw = _NOTHING
    raw_text: msgspec.Raw = _NOTHING
    raw_base64: msgspec.Raw = _NOTHING
    response: msgspec.Raw = _NOTHING
    session_opened: msgspec.Raw = _NOTHING
    session_closed: msgspec.Raw = _NOTHING
    subscription_changed: msgspec.Raw = _NOTHING
    gap: msgspec.Raw = _NOTHING
    divergence: msgspec.Raw = _NOTHING

    @property
    def exchange(self) -> Exchange:
        """The exchange that it is of; by its URL where an older version made it."""
        return exchange_of(self.stated_exchange, "" if self.stated_exchange else self._url)

    @property
    def _url(self) -> str:
        where = self.request if self.websocket == _NOTHING else self.websocket
        return "" if where == _NOTHING else _WHERE.decode(where).url

    @property
    def payload(self) -> bytes | None:
        """What the exchange sent, byte for byte; None where the row has none (life-cycle rows, no answer)."""
        if self.response != _NOTHING:
            return _answer(_RESPONSE.decode(self.response))
        if self.raw_base64 != _NOTHING:
            return b64decode(_TEXT.decode(self.raw_base64))
        return None if self.raw_text == _NOTHING else _TEXT.decode(self.raw_text).encode()

    @property
    def payload_json(self) -> bytes:
        """The payload as JSON, on one line where the row has it so; empty without a payload. Cheaper than `payload`.

        A payload beyond the bounds of `json` (`common/core/json_splice.py`) comes verbatim, as it may hold events.
        """
        raw = self.json if self.response == _NOTHING else _RESPONSE.decode(self.response).raw_response_json
        return bytes(raw) if raw != _NOTHING else self.payload or b""

    @property
    def detail(self) -> Mapping[str, Any]:
        """What a life-cycle row tells; empty for the others."""
        if self.record_type not in _DETAILS:
            return {}
        found = _ANY.decode(getattr(self, self.record_type))
        return found if isinstance(found, dict) else {}

    @property
    def subscribed_token_ids(self) -> tuple[str, ...]:
        """The tokens that were subscribed when the row was made."""
        return () if self.subscription == _NOTHING else subscribed_token_ids(bytes(self.subscription))

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens tracked: subscribed, or asked for over REST."""
        return () if self.tokens_tracked == _NOTHING else _tokens(bytes(self.tokens_tracked))


_WHERE = msgspec.json.Decoder(_Where)
_ROW = msgspec.json.Decoder(Row)
_RESPONSE = msgspec.json.Decoder(_Response | None)
_SUBSCRIPTION = msgspec.json.Decoder(_Subscription)
_TOKENS = msgspec.json.Decoder(tuple[Token, ...])
_TEXT = msgspec.json.Decoder(str)
_ANY = msgspec.json.Decoder()


def row_of(line: bytes) -> Row:
    """The row of an archive's line. Raises ArchiveError on a line that is no row."""
    try:
        return _ROW.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveError(f"no readable row: {error}") from error


def _answer(response: _Response | None) -> bytes | None:
    if response is None:
        return None
    if response.raw_base64 is not None:
        return b64decode(response.raw_base64)
    if response.raw_text is not None:
        return response.raw_text.encode()
    return None if response.raw_response_json == _NOTHING else bytes(response.raw_response_json)


@lru_cache(maxsize=64)
def subscribed_token_ids(subscription: bytes) -> tuple[str, ...]:
    """The token ids in the value of a row's `subscription`."""
    return _SUBSCRIPTION.decode(subscription).assets_ids


@lru_cache(maxsize=64)
def _tokens(tokens_tracked: bytes) -> tuple[Token, ...]:
    return _TOKENS.decode(tokens_tracked)
