"""An envelope on its way past, made ready to be filtered and shown: its row, its kinds, what it names."""

from collections.abc import Iterable

import msgspec

from common.core.envelope import MESSAGE, Context
from common.core.events.kinds import EVENT_TYPES
from common.core.json_splice import encode_line
from common.core.market import Token
from common.core.rows.names import REFERENCE
from common.core.rows.origin import Origin
from common.core.rows.reading import LIFE_CYCLE_RECORDS, row_of
from common.core.rows.rest import REQUEST_RECORDS
from common.core.rows.websocket import message_constant, message_rest
from common.errors import ArchiveError
from common.polymarket.classify import UNKNOWN, classify
from common.polymarket.describe import describe_message, describe_row
from common.polymarket.reference_rows import classified as reference_kind
from common.queue.tail import Tailed

UNREADABLE_ROW = "unreadable_row"
KINDS = (  # what messages and rows are called, but for what the exchange may send that is not known yet
    *(kind.name for kind in EVENT_TYPES),
    *(*LIFE_CYCLE_RECORDS, *REQUEST_RECORDS, UNREADABLE_ROW),
)

_CONSTANTS_KEPT = 64


class Passing(msgspec.Struct, frozen=True):
    """One envelope as its archive has it.

    `row` ends in a newline. `payload` is what the exchange sent or answered, None for life-cycle rows. `kinds`
    are a message's event types, or a row's record type. `content` is searched for ids, `marks` say what is doubtful.
    """

    name: str
    stream: str
    received_at_ns: int
    is_message: bool
    row: bytes
    payload: bytes | None
    content: bytes
    kinds: tuple[str, ...]
    marks: tuple[str, ...] = ()

    def marked(self, **marks: bool) -> "Passing":
        """The same with the marks that are true, as fields of its row too."""
        names = tuple(name for name, is_set in marks.items() if is_set)
        if not names:
            return self
        more = b"".join(b',"%b":true' % name.encode() for name in names)
        return msgspec.structs.replace(self, marks=names, row=self.row.removesuffix(b"}\n") + more + b"}\n")


_TOKENS = msgspec.json.Decoder(list[Token]).decode


class Reader:
    """Makes envelopes readable; keeps what is constant per context, and every token seen, by id."""

    def __init__(self) -> None:
        self._constants: dict[tuple[str, int], bytes] = {}
        self.tokens: dict[str, Token] = {}

    def read(self, tailed: Tailed) -> Passing:
        """The envelope in full."""
        if tailed.envelope.kind == MESSAGE and tailed.context is not None:
            return self._read_message(tailed, tailed.context)
        row = tailed.envelope.payload
        kind, payload = self._read_row(row)
        return Passing(
            name=tailed.name,
            stream=tailed.stream,
            received_at_ns=tailed.envelope.received_at_ns,
            is_message=False,
            row=row + b"\n",
            payload=payload,
            content=row,
            kinds=(kind,),
        )

    def _read_row(self, line: bytes) -> tuple[str, bytes | None]:
        """Its record type and its payload; a row of a later version is shown, read or not."""
        try:
            row = row_of(line)
            self._note(row.tokens)
            payload = row.payload
        except ArchiveError:
            return UNREADABLE_ROW, None
        return row.record_type, payload

    def _read_message(self, tailed: Tailed, context: Context) -> Passing:
        envelope = tailed.envelope
        constant = self._constant(tailed.origin, context)
        of_prices = tailed.stream == REFERENCE
        classified = (
            reference_kind(envelope.payload) if of_prices else classify(envelope.payload, envelope.opcode)
        )
        return Passing(
            name=tailed.name,
            stream=tailed.stream,
            received_at_ns=envelope.received_at_ns,
            is_message=True,
            row=constant + message_rest(envelope, classified),
            payload=envelope.payload,
            content=envelope.payload,
            kinds=classified.event_types,
        )

    def _constant(self, origin: Origin, context: Context) -> bytes:
        key = (origin.producer, context.number)
        known = self._constants.get(key)
        if known is None:
            known = message_constant(context, origin)
            self._note(_TOKENS(context.tokens_tracked_json))
            self._constants = dict(list(self._constants.items())[1 - _CONSTANTS_KEPT :])
            self._constants[key] = known
        return known

    def _note(self, tokens: Iterable[Token]) -> None:
        self.tokens.update({token.token_id: token for token in tokens})

    def words(self, passing: Passing) -> tuple[str, str]:
        """Which market it speaks of, and what it says, for people."""
        if passing.is_message:
            return describe_message(passing.content, self.tokens)
        try:
            return "", describe_row(row_of(passing.content))
        except ArchiveError:
            return "", ""


def is_kind(name: str) -> bool:
    """Whether a message or a row can be of this kind."""
    return name in KINDS or name.startswith(UNKNOWN)


class Filter:
    """Which envelopes to show: all that is given must hold; an empty text asks for nothing."""

    def __init__(self, *, stream: str = "", market: str = "", token: str = "", event_type: str = "") -> None:
        """`market` is a slug or a part of it, `token` an id, `event_type` also a row's record type."""
        self._stream = stream
        self._market = market
        self._token = token
        self._event_type = event_type
        self._market_ids: list[bytes] = []
        self._tokens_known = 0

    def wants(self, passing: Passing, tokens: dict[str, Token]) -> bool:
        """Whether to show it; `tokens` are those known so far, which give a market's name its ids."""
        return (
            (not self._stream or passing.stream == self._stream)
            and (not self._event_type or self._event_type in passing.kinds)
            and (not self._token or _quoted(self._token) in passing.content)
            and (not self._market or self._names_market(passing.content, tokens))
        )

    def _names_market(self, content: bytes, tokens: dict[str, Token]) -> bool:
        if len(tokens) != self._tokens_known:
            self._tokens_known = len(tokens)
            mine = [token for token in tokens.values() if self._market in token.market_slug]
            ids = {each for token in mine for each in (token.token_id, token.condition_id) if each}
            self._market_ids = [_quoted(each) for each in ids]
        return any(each in content for each in self._market_ids)


def _quoted(identifier: str) -> bytes:
    return b'"%b"' % identifier.encode()


def payload_line(payload: bytes) -> bytes:
    """A payload as one line: verbatim less a line break at its end; a JSON string if it holds others."""
    body = payload.removesuffix(b"\n").removesuffix(b"\r")
    if b"\n" in body or b"\r" in body:
        return encode_line(payload.decode(errors="replace")) + b"\n"
    return body + b"\n"
