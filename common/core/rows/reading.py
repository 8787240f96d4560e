"""A row of an archive as every reader of recordings sees it: what is seldom asked for is not decoded before.

The fields of `Row` are the one list of what rows hold: the schemas for other tools are made from it.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec

from common.core.exchange_told import exchange_of
from common.core.market import Exchange, Token
from common.core.rows import columns as of
from common.core.rows.details import NOTHING, Changed, Closed, Opened, Response, Subscription, Where
from common.core.rows.websocket import DIVERGENCE, GAP, SESSION_CLOSED, SESSION_OPENED, SUBSCRIPTION_CHANGED
from common.errors import ArchiveError

LIFE_CYCLE_RECORDS = (SESSION_OPENED, SESSION_CLOSED, SUBSCRIPTION_CHANGED, GAP, DIVERGENCE)
T = TypeVar("T")


class Row(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row of any stream. Times are nanoseconds since 1970 and of the machine's monotonic clock.

    What a kind of row does not have is 0, empty or null here: message sequences of life-cycle and REST rows,
    `checkpoint_sequence` of websocket rows. Most properties raise ArchiveError where their part of the row is not
    what it should be. The fields have the order of a websocket row, which is decoded fastest so.
    """

    schema_version: Annotated[int, of.INT64] = 0
    record_type: Annotated[str, of.TEXT]
    stated_exchange: Annotated[str | None, of.TEXT] = msgspec.field(default=None, name="exchange")
    producer: Annotated[str, of.TEXT] = ""
    leg: Annotated[str | None, of.TEXT] = None
    host: Annotated[str, of.TEXT] = ""
    session_id: Annotated[str | None, of.TEXT] = None
    connection_sequence: Annotated[int, of.ws("int64")] = 0
    websocket: Annotated[msgspec.Raw, of.URL] = NOTHING
    subscription: Annotated[msgspec.Raw, of.SUBSCRIPTION] = NOTHING
    tokens_tracked: Annotated[msgspec.Raw, of.TOKENS] = NOTHING
    received_at_utc: Annotated[msgspec.Raw, of.TEXT] = NOTHING
    received_at_ns: Annotated[int, of.INT64]
    received_monotonic_ns: Annotated[int, of.ws("int64")] = 0
    message_sequence: Annotated[int, of.ws("int64")] = 0
    global_message_sequence: Annotated[int, of.ws("int64")] = 0
    opcode: Annotated[int, of.ws("int64")] = 0
    payload_length_bytes: Annotated[int | None, of.ws("int64")] = None
    payload_sha256: Annotated[str | None, of.TEXT] = None
    raw_text: Annotated[str | None, of.ws("text")] = None
    raw_base64: Annotated[str | None, of.ws("text")] = None
    json: Annotated[msgspec.Raw, of.ws("json")] = NOTHING
    json_error: Annotated[msgspec.Raw, of.ws("text")] = NOTHING
    classified_event_types: Annotated[tuple[str, ...], of.ws(["text"])] = ()
    gap: Annotated[msgspec.Raw, of.GAP_DETAIL] = NOTHING
    session_opened: Annotated[msgspec.Raw, of.ws("json")] = NOTHING
    session_closed: Annotated[msgspec.Raw, of.ws("json")] = NOTHING
    subscription_changed: Annotated[msgspec.Raw, of.ws("json")] = NOTHING
    divergence: Annotated[msgspec.Raw, of.ws("json")] = NOTHING
    checkpoint_sequence: Annotated[int, of.rest("int64")] = 0
    requested_at_utc: Annotated[msgspec.Raw, of.rest("text")] = NOTHING
    requested_at_ns: Annotated[int, of.rest("int64")] = 0
    request: Annotated[msgspec.Raw, of.REQUEST] = NOTHING
    response_json: Annotated[msgspec.Raw, of.RESPONSE] = msgspec.field(default=NOTHING, name="response")
    error: Annotated[str | None, of.rest("text")] = None
    missing_token_ids: Annotated[tuple[str, ...], of.rest(["text"])] = ()

    @property
    def exchange(self) -> Exchange:
        """The exchange that it is of; by its URL where an older version made it."""
        return exchange_of(self.stated_exchange, "" if self.stated_exchange else self._url)

    @property
    def _url(self) -> str:
        where = self.request if self.websocket == NOTHING else self.websocket
        return "" if where == NOTHING else decoded(_WHERE, where, "URL").url

    @property
    def response(self) -> Response | None:
        """The answer to a REST request; None where none came."""
        return None if self.response_json == NOTHING else decoded(_RESPONSE, self.response_json, "response")

    @property
    def payload(self) -> bytes | None:
        """What the exchange sent, byte for byte; None where the row has none (life-cycle rows, no answer)."""
        if self.response_json != NOTHING:
            return _body(decoded(_RESPONSE, self.response_json, "response"))
        if self.raw_base64 is not None:
            return _from_base64(self.raw_base64)
        return None if self.raw_text is None else self.raw_text.encode()

    @property
    def payload_json(self) -> bytes:
        """The payload as JSON, on one line where the row has it so; empty without one. Cheaper than `payload`.

        A payload beyond the bounds of `json` (`common/core/json_splice.py`) comes verbatim, as it may hold events.
        """
        if self.json != NOTHING:
            return bytes(self.json)
        try:
            answer = self.response
            in_answer = NOTHING if answer is None else answer.raw_response_json
            return bytes(in_answer) if in_answer != NOTHING else self.payload or b""
        except ArchiveError:
            return b""

    @property
    def detail(self) -> dict[str, Any]:
        """What a life-cycle row states; empty for the others, and where it cannot be read."""
        if self.record_type not in LIFE_CYCLE_RECORDS:
            return {}
        try:
            found = decoded(_ANY, getattr(self, self.record_type))
        except ArchiveError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def subscribed(self) -> Subscription:
        """The tokens that were subscribed when the row was made."""
        return Subscription() if self.subscription == NOTHING else subscription_in(bytes(self.subscription))

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens tracked: subscribed, or asked for over REST."""
        return () if self.tokens_tracked == NOTHING else _tokens(bytes(self.tokens_tracked))

    @property
    def opened(self) -> Opened:
        """Of a `session_opened` row."""
        return Opened() if self.session_opened == NOTHING else decoded(_OPENED, self.session_opened)

    @property
    def changed(self) -> Changed:
        """Of a `subscription_changed` row."""
        unchanged = self.subscription_changed == NOTHING
        return Changed() if unchanged else decoded(_CHANGED, self.subscription_changed)

    @property
    def closed(self) -> Closed:
        """Of a `session_closed` row."""
        return Closed() if self.session_closed == NOTHING else decoded(_CLOSED, self.session_closed)


_ROW = msgspec.json.Decoder(Row)
_WHERE = msgspec.json.Decoder(Where)
_RESPONSE = msgspec.json.Decoder(Response)
_SUBSCRIPTION = msgspec.json.Decoder(Subscription)
_TOKENS = msgspec.json.Decoder(tuple[Token, ...])
_OPENED = msgspec.json.Decoder(Opened)
_CHANGED = msgspec.json.Decoder(Changed)
_CLOSED = msgspec.json.Decoder(Closed)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def row_of(line: bytes) -> Row:
    """The row of an archive's line. Raises ArchiveError on a line that is not a row."""
    if not line.isascii():
        _check_utf8(line)
    return decoded(_ROW, line, "row")


def _check_utf8(line: bytes) -> None:
    """The decoder does not look into the texts that it skips."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise ArchiveError(f"no readable row: {error}") from error


def decoded(decoder: "msgspec.json.Decoder[T]", text: bytes | msgspec.Raw, what: str = "life-cycle row") -> T:
    """A row, or a part of one. Raises ArchiveError where it is not what it should be."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveError(f"no readable {what}: {error}") from error


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error as error:
        raise ArchiveError(f"raw_base64 is not base64: {error}") from error


def _body(response: Response) -> bytes | None:
    if response.raw_base64 is not None:
        return _from_base64(response.raw_base64)
    if response.raw_text is not None:
        return response.raw_text.encode()
    return None if response.raw_response_json == NOTHING else bytes(response.raw_response_json)


@lru_cache(maxsize=64)
def subscription_in(text: bytes) -> Subscription:
    """The value of a row's `subscription`, or of a context's."""
    return decoded(_SUBSCRIPTION, text)


@lru_cache(maxsize=64)
def _tokens(text: bytes) -> tuple[Token, ...]:
    return decoded(_TOKENS, text)
