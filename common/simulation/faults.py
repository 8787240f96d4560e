"""Faults that the embedded exchange can be told to have, while it runs or from its start.

  name        keys (beside count=, seconds=)       what happens
  cut         connection= mid_frame=true reset=    drops the TCP connection without a close frame
  close       connection= code= reason=            closes with a close frame
  freeze      connection=                          no data any more; PONG still answers
  mute        token=                               no data of this token's market any more
  drop        connection=                          leaves out a price_change (one, unless count= says more)
  drop_change connection= token=                   a level of this token's market changes, and its price_change
                                                   is left out; it is far from the best, so that nothing
                                                   tells it again soon
  garbage     connection= kind=text|utf8           a frame that is not JSON, or not even UTF-8
  raw         connection= payload=BASE64 opcode=   one frame with these bytes
  huge        connection= bytes=                   one text frame of this size
  slow        connection= delay_seconds=           the next frame goes out byte by byte
  silent                                           new connections never get anything, not even PONG
  pongs_only                                       new connections get PONG and nothing else
  handshake   status=429|403                       new connections are refused with this status
  stall                                            new connections get no answer to their handshake
  books       kind=K status= retry_after=          HTTP answers of the CLOB go wrong
              delay_seconds=
  gamma       the same                             HTTP answers of Gamma go wrong
  clear                                            ends every fault

K is status (default: status=, with Retry-After when retry_after= is given), empty, late (by delay_seconds=),
html, error_body (an error inside a 200); for books also wrong_book and wrong_hash. connection=N picks one
connection (cf-ray: simulated-N), otherwise all. count=N ends a fault after N uses, seconds=S after that time;
without them it lasts until it is cleared. cut, close, drop_change, garbage, raw, huge act at once (given at the
start: on each connection once it has subscribed); count=N repeats them.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import msgspec
import requests
from msgspec import Meta

from common.errors import ConfigError, ExchangeError

FaultName = Literal[
    "cut",
    "close",
    "freeze",
    "mute",
    "drop",
    "drop_change",
    "garbage",
    "raw",
    "huge",
    "slow",
    "silent",
    "pongs_only",
    "handshake",
    "stall",
    "books",
    "gamma",
    "clear",
]
FaultKind = Literal[
    "", "text", "utf8", "status", "empty", "late", "html", "error_body", "wrong_book", "wrong_hash"
]
Bytes = bytes  # the key `bytes` of a fault hides the type inside its class
AT_ONCE = frozenset({"cut", "close", "drop_change", "garbage", "raw", "huge"})
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
    mid_frame: bool = False
    reset: bool = False

    def raw_payload(self) -> Bytes:
        """The bytes of `payload`. Raises ConfigError when it is not base64."""
        try:
            return base64.b64decode(self.payload, validate=True)
        except binascii.Error as error:
            raise ConfigError(f"fault {self.name}: payload must be base64, got {self.payload!r}") from error


def parse_fault(name: str, words: Iterable[str] = ()) -> Fault:
    """A fault from its name and `key=value` words. Raises ConfigError naming the key and what it may be."""
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"fault {name}: {word!r} must be key=value")
        values[key] = value
    return fault_from({"name": name, **values})


def fault_from(values: object) -> Fault:
    """A fault from plain values (numbers may be texts). Raises ConfigError naming the key."""
    try:
        fault = msgspec.convert(values, Fault, strict=False)
    except msgspec.ValidationError as error:
        name = values.get("name", "") if isinstance(values, dict) else ""
        if name not in get_args(FaultName):
            raise ConfigError(f"no fault {name!r}; there are {', '.join(get_args(FaultName))}") from error
        raise ConfigError(f"fault {name}: {error}") from error
    fault.raw_payload()
    return fault


class Faults:
    """The faults that are on; time is the caller's (monotonic seconds)."""

    def __init__(self) -> None:
        self._active: list[tuple[Fault, float, list[int]]] = []

    def add(self, fault: Fault, now_s: float) -> None:
        """Switch a fault on; a `drop` or a `slow` without limits happens once."""
        left = fault.count or int(fault.name in ONCE and not fault.seconds)
        until = now_s + fault.seconds if fault.seconds else float("inf")
        self._active.append((fault, until, [left]))

    def clear(self) -> None:
        """Switch all off."""
        self._active.clear()

    def __bool__(self) -> bool:
        return bool(self._active)

    def active(self, now_s: float) -> list[Fault]:
        """Those that are on now."""
        self._active = [entry for entry in self._active if now_s < entry[1]]
        return [fault for fault, _, _ in self._active]

    def take(self, name: str, now_s: float, *, connection: int = 0, token: str = "") -> Fault | None:
        """The fault of this name that hits now, used once; None when there is none."""
        for fault in self.active(now_s):
            if fault.name == name and fault.connection in (0, connection) and fault.token in ("", token):
                self._use(fault)
                return fault
        return None

    def _use(self, used: Fault) -> None:
        entry = next(entry for entry in self._active if entry[0] is used)
        if entry[2][0]:
            entry[2][0] -= 1
            if not entry[2][0]:
                self._active.remove(entry)


def send_fault(url: str, fault: Fault) -> None:
    """Switch a fault on at the exchange that listens at `url`. Raises ExchangeError with its refusal."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # it is on this machine: no proxy of the environment leads there
            answer = session.post(
                f"{url.rstrip('/')}/simulation/fault", data=msgspec.json.encode(fault), timeout=10
            )
    except requests.RequestException as error:
        raise ExchangeError(f"{url}: no embedded exchange answers there: {error}") from error
    if answer.status_code != 200:
        raise ExchangeError(f"{url}: the fault {fault.name} was refused: {answer.text}")
