"""Decides whether foreign bytes are JSON that every reader takes, and how they are in a one-line row.

A valid payload is its own JSON value, so it is spliced into the row instead of being built again. One value that a
reader refuses makes the whole archive unreadable for that reader, so JSON beyond the bounds below is kept as text
only. The bounds are those of pandas, polars, pyarrow, DuckDB, ClickHouse and jq, found by trying each of them.
"""

import math
import re

import msgspec

MAX_DEPTH = 100  # levels: DuckDB refuses 128 in a row, jq 1.6 counts each object twice and refuses 256
_MAX_NUMBER_CHARS = 300  # a double has no more than 309 digits, Python's json takes 4,300
_EXPONENTS = range(-324, 309)  # of a double; pyarrow refuses more even where the value is 0
_INTEGERS = range(
    -(1 << 63), 1 << 64
)  # pandas refuses the digits before the point where 64 bits do not hold them
_HARMLESS_CHARS = 19  # so many digits and a sign always fit
_WHITE_SPACE = b" \t\r\n"
_BREAKS = ("\x85", "\u2028", "\u2029")  # splitlines() splits here; raw they only are inside strings
_BREAK_ESCAPES = tuple((text.encode(), b"\\u%04x" % ord(text)) for text in _BREAKS)
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|([\[{])|([\]}])|(-?\d[\d.eE+-]*)', re.DOTALL)
_OTHER_THAN_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_USUAL_DEPTH = 10
_UNUSUAL_NUMBER = re.compile(rb"[\d.]{%d}|\d[eE]" % (_HARMLESS_CHARS - 1))
_DECODER = msgspec.json.Decoder(msgspec.Raw)


class Splice(msgspec.Struct, frozen=True, gc=False):
    """Either `value`, the bytes of a JSON value on one line, or `error`, why there is none, as a message."""

    value: bytes | None
    error: str | None


def splice(payload: bytes) -> Splice:
    """Judge any bytes. `value` reads as the same JSON as `payload`, numbers verbatim, on one line."""
    if not payload.strip(_WHITE_SPACE):
        return Splice(None, "empty")
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return Splice(None, utf8_error_text(error))
    outside = _outside_strings(payload)
    trouble = _nesting_trouble(payload, outside)
    if trouble is None:
        try:
            _DECODER.decode(payload)
        except msgspec.DecodeError as error:
            trouble = str(error)
    trouble = trouble or _number_trouble(payload, outside)
    return Splice(one_line(payload) if trouble is None else None, trouble)


def one_line(payload: bytes) -> bytes:
    """The same JSON without surrounding white space or line breaks of any kind. `payload` must be valid."""
    value = payload.strip(_WHITE_SPACE)
    if b"\n" in value or b"\r" in value:
        value = msgspec.json.format(value, indent=-1)
    return escape_line_breaks(value)


def escape_line_breaks(encoded: bytes) -> bytes:
    r"""Write U+0085, U+2028 and U+2029 as \u escapes, so that readers that use splitlines() survive."""
    if encoded.isascii():
        return encoded
    for raw, escape in _BREAK_ESCAPES:
        encoded = encoded.replace(raw, escape)
    return encoded


def encode_line(value: object) -> bytes:
    """A JSON value of ours, encoded on one line. Text must not hold lone surrogates."""
    return escape_line_breaks(msgspec.json.encode(value))


def utf8_error_text(error: UnicodeDecodeError) -> str:
    """Where bytes stop being UTF-8, as a message."""
    return f"not valid UTF-8 at byte {error.start}"


def _outside_strings(payload: bytes) -> bytes:
    """What is not within strings, of JSON that is valid up to where a parser gives it up."""
    without_escapes = payload.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(without_escapes.split(b'"')[::2])


def _nesting_trouble(payload: bytes, outside: bytes) -> str | None:
    if outside.count(b"[") + outside.count(b"{") <= MAX_DEPTH or _is_flat(outside):
        return None
    depth = 0
    for token in _TOKENS.finditer(payload):
        if token[1]:
            depth += 1
            if depth > MAX_DEPTH:
                return f"nested deeper than {MAX_DEPTH} levels"
        elif token[2]:
            depth -= 1
    return None


def _is_flat(outside: bytes) -> bool:
    brackets = outside.translate(None, _OTHER_THAN_BRACKETS)
    for _ in range(_USUAL_DEPTH):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _number_trouble(payload: bytes, outside: bytes) -> str | None:
    if _UNUSUAL_NUMBER.search(outside) is None:
        return None
    for token in _TOKENS.finditer(payload):
        number = token[3]
        if number is not None and not _fits(number):
            return f"number out of range at byte {token.start()}: readers take 64-bit integers and doubles"
    return None


def _fits(number: bytes) -> bool:
    """Whether every reader can hold the number. `number` is valid JSON."""
    if len(number) < _HARMLESS_CHARS and number.lstrip(b"-").isdigit():
        return True
    if len(number) > _MAX_NUMBER_CHARS or math.isinf(float(number)):
        return False
    mantissa, _, exponent = number.lower().partition(b"e")
    return int(mantissa.partition(b".")[0]) in _INTEGERS and int(exponent or b"0") in _EXPONENTS
