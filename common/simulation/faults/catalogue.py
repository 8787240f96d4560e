"""Faults that the embedded exchange can be told to have, while it runs or from its start.

  name        keys (beside count=, seconds=)       what happens
  cut         connection= mid_frame=true reset=    drops the TCP connection without a close frame
  close       connection= code= reason=            closes with a close frame
  freeze      connection=                          no data any more; PONG still answers
  mute        connection= token=                   no data of this token's market any more
  no_book     token=                               the opening book of this token never comes, the rest does
  drop        connection=                          leaves out a price_change (one, unless count= says more)
  withhold    connection= every=N                  leaves out each Nth frame of market data, of any kind
  delay       connection= delay_seconds=           frames come so late, in their order, PONG among them
  drop_change connection= token=                   a level of this token's market changes, and its price_change
                                                   is left out; it is far from the best, so that nothing
                                                   tells it again soon
  garbage     connection= kind=text|utf8           a frame that is not JSON, or not even UTF-8
  raw         connection= payload=BASE64 opcode=   one frame with these bytes
  huge        connection= bytes=                   one text frame of this size
  stranger    connection= token=                   the opening book of a token that the connection did not ask for
  slow        connection= delay_seconds=           the next frame goes out byte by byte
  silent                                           new connections never get anything, not even PONG
  pongs_only                                       new connections get PONG and nothing else
  books_only                                       new connections get PONG, opening books and nothing else
  handshake   status=429|403                       new connections are refused with this status
  stall                                            new connections get no answer to their handshake
  books       kind=K status= retry_after=          HTTP answers of the CLOB go wrong
              delay_seconds=
  gamma       the same                             HTTP answers of Gamma go wrong
  data        the same                             HTTP answers of the data API go wrong
  date        offset_seconds= age_seconds=         HTTP answers bear a Date that is wrong by offset_seconds=, or
                                                   come from a cache that kept them age_seconds= (header Age)
  listing     kind=L slug= by_slug=true            Gamma's lists are wrong about this market, or about all
  reference   kind=P token=rtds|binance            reference prices go wrong, at one place or at both
  resolution  kind=R slug= delay_seconds=          how a window ended is told otherwise than it was
  mutate      where=W change= path= to= before=    objects have another shape (see below), those of one market
              value=JSON hashed=true slug= token=  or token, or all
  clear                                            ends every fault

K is status (default: status=, with Retry-After when retry_after= is given), empty, late (by delay_seconds=),
html, error_body (an error inside a 200); for books also wrong_book and wrong_hash. connection=N picks one
connection (cf-ray: simulated-N), otherwise all. count=N ends a fault after N uses, seconds=S after that time;
without them it lasts until it is cleared. cut, close, drop_change, garbage, raw, huge, stranger act at once (given
at the start: on each connection once it has subscribed); count=N repeats them.

P is frozen (a connection is forgotten: no price any more, another subscription is refused, PONG still answers),
doubled (a frame comes twice), disordered (it comes after the next one), refused (a subscription), status (a handshake).

L is one of
  empty            a list without entries
  missing          this market is left out; asked for by its slug it is there
  closed, inactive this market is said to be closed, or not active, though it trades
  bad_ids, no_ids  its outcome ids are malformed, or an empty list
  bad_dates        its instants are malformed
  lost_tag         tag= is the slug of a tag or of a series that is gone: nothing is found by it
  same_page        the cursor is ignored: the first page comes again and again
  last_page_fails  the last page of several answers with status=
  wrong_order      the list is the wrong way round
  version          the market is of another protocol: version=v3, with its ids in a list at field=
  both_ids         both fields for ids are filled; those of the other protocol have no book
  hex              digits=62|63|64 is the width of the condition id (of v2 markets)
A market that is asked for by its slug is told as it is, unless by_slug=true is given; version, both_ids and hex hold
everywhere. One list is one use for count=.

R is never (told by nobody), late (by delay_seconds=), corrected (the wrong outcome for delay_seconds=, then the right
one), disagree (the data API tells the wrong one, Gamma the right one) or forged (both tell the wrong one). It has no
count=, and ends with clear.

W is market or event (objects of Gamma), book, rest_book, ws_book (books everywhere, over REST, over the websocket), or
the kind of a frame as in price_change. change= is rename (to=NAME), move (to=SUBOBJECT, or before=KEY, or to the end),
retype (to=text|number|list|json_text|object|null), add (value=JSON before=KEY), remove. path= is keys joined by dots, *
each element of a list. hashed=true lets a change of books enter the exchange's own hash. count= has no meaning here.
"""

import base64
import binascii
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from common.core.instants import seconds_of
from common.core.suggestion import suggestion
from common.errors import ConfigError, ExchangeError
from common.simulation.faults.mutations import Change, Mutation

FaultName = Literal[
    "cut",
    "close",
    "freeze",
    "mute",
    "no_book",
    "drop",
    "withhold",
    "delay",
    "drop_change",
    "garbage",
    "raw",
    "huge",
    "stranger",
    "slow",
    "silent",
    "pongs_only",
    "books_only",
    "handshake",
    "stall",
    "books",
    "gamma",
    "data",
    "resolution",
    "date",
    "listing",
    "reference",
    "mutate",
    "clear",
]
AnswerKind = Literal["status", "empty", "late", "html", "error_body", "wrong_book", "wrong_hash"]
ListingKind = Literal[
    "empty",
    "missing",
    "closed",
    "inactive",
    "bad_ids",
    "no_ids",
    "bad_dates",
    "lost_tag",
    "same_page",
    "last_page_fails",
    "wrong_order",
    "version",
    "both_ids",
    "hex",
]
ReferenceKind = Literal["frozen", "doubled", "disordered", "refused", "status"]
ResolutionKind = Literal["never", "late", "corrected", "disagree", "forged"]
FaultKind = Literal["", "text", "utf8", AnswerKind, ListingKind, ReferenceKind, ResolutionKind]
Place = Literal[
    "",
    "market",
    "event",
    "book",
    "rest_book",
    "ws_book",
    "price_change",
    "last_trade_price",
    "best_bid_ask",
    "tick_size_change",
    "new_market",
    "market_resolved",
]
BOOK_PLACES = frozenset({"book", "rest_book", "ws_book"})
Bytes = bytes  # the key `bytes` of a fault hides the type inside its class
AT_ONCE = frozenset({"cut", "close", "drop_change", "garbage", "raw", "huge", "stranger"})
ON_BOOKS = frozenset({"drop_change", "stranger"})
_KINDS_OF = {"listing": ListingKind, "reference": ReferenceKind, "resolution": ResolutionKind}
ONCE = frozenset({"drop", "slow"})  # unless their limits say otherwise


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault and its limits; 0 in `connection`, `count` and `seconds` means all, no limit, no limit."""

    name: FaultName
    connection: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=0)] = 0
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    kind: FaultKind = ""
    code: Annotated[int, Meta(ge=1000, le=4999)] = 1001
    reason: Annotated[str, Meta(max_length=120)] = ""
    token: str = ""
    payload: str = ""
    opcode: Annotated[int, Meta(ge=0, le=15)] = 1
    bytes: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 16_777_216
    status: Annotated[int, Meta(ge=400, le=599)] = 429
    retry_after: Annotated[int, Meta(ge=0)] = 0
    delay_seconds: Annotated[float, Meta(ge=0)] = 0.01
    every: Annotated[int, Meta(ge=1)] = 100
    mid_frame: bool = False
    reset: bool = False
    slug: str = ""
    by_slug: bool = False
    tag: str = ""
    version: str = "v3"
    field: str = "outcomeTokenIds"
    digits: Annotated[int, Meta(ge=62, le=64)] = 64
    offset_seconds: Annotated[float, Meta(ge=-1e8, le=1e8)] = 0.0
    age_seconds: Annotated[int, Meta(ge=0, le=100_000_000)] = 0
    where: Place = ""
    change: Change = "add"
    path: str = ""
    to: str = ""
    before: str = ""
    value: str = "null"
    hashed: bool = False

    def raw_payload(self) -> Bytes:
        """The bytes of `payload`. Raises ConfigError when it is not base64."""
        try:
            return base64.b64decode(self.payload, validate=True)
        except binascii.Error as error:
            raise ConfigError(f"fault {self.name}: payload must be base64, got {self.payload!r}") from error

    def mutation(self) -> Mutation:
        """What a `mutate` does to an object."""
        return Mutation(self.change, self.path, self.to, self.before, self.value)

    def check(self) -> None:
        """Raises ConfigError naming the key that is wrong."""
        self.raw_payload()
        kinds = get_args(_KINDS_OF.get(self.name))
        if kinds and self.kind not in kinds:
            raise ConfigError(f"fault {self.name}: kind must be one of {', '.join(kinds)}")
        if self.name == "mutate":
            if not self.where:
                raise ConfigError(f"fault mutate: where must be one of {', '.join(get_args(Place)[1:])}")
            if self.hashed and self.where not in BOOK_PLACES:
                raise ConfigError(f"fault mutate: only books have a hash, not where={self.where}")
            self.mutation().check()


def parse_fault(name: str, words: Iterable[str] = ()) -> Fault:
    """A fault from its name and `key=value` words. Raises ConfigError naming the key and what it may be."""
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"fault {name}: {word!r} must be key=value")
        seconds = seconds_of(value) if key.endswith("seconds") else None
        values[key] = value if seconds is None else f"{seconds:g}"
    return fault_from({"name": name, **values})


def fault_from(values: object) -> Fault:
    """A fault from plain values (numbers may be texts). Raises ConfigError naming the key."""
    try:
        fault = msgspec.convert(values, Fault, strict=False)
    except msgspec.ValidationError as error:
        name = values.get("name", "") if isinstance(values, dict) else ""
        if name not in get_args(FaultName):
            raise ConfigError(f"no fault {name!r}{suggestion(name, get_args(FaultName))}") from error
        raise ConfigError(f"fault {name}: {error}") from error
    fault.check()
    return fault


def send_fault(url: str, fault: Fault) -> None:
    """Switch a fault on at the exchange that listens at `url`. Raises ExchangeError with its refusal."""
    where = urlsplit(url)
    try:
        with closing(HTTPConnection(where.hostname or "", where.port, timeout=10)) as connection:
            connection.request(
                "POST", f"{where.path.rstrip('/')}/simulation/fault", msgspec.json.encode(fault)
            )
            answer = connection.getresponse()
            words = answer.read().decode(errors="replace")
    except (OSError, HTTPException, ValueError) as error:
        raise ExchangeError(f"{url}: no embedded exchange answers there: {error}") from error
    if answer.status != 200:
        raise ExchangeError(f"{url}: the fault {fault.name} was refused: {words}")
