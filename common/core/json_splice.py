"""Decides whether foreign bytes are JSON that every reader takes, and how they stand in a one-line row.

A valid payload is its own JSON value, so it is spliced into the row instead of being built again. JSON that
strict readers refuse (lone surrogates, numbers beyond a double, very deep nesting) counts as no JSON here:
the payload is kept as text and the row stays readable.
"""

import math
import re

import msgspec

MAX_DEPTH = 200  # levels; common readers give up between 256 and 1,000
_MAX_NUMBER_CHARS = 300  # a double ends at 309 digits, Python's json at 4,300
_WHITE_SPACE = b" \t\r\n"
_BREAKS = ("\x85", "\u2028", "\u2029")  # splitlines() splits here; raw they only stand inside strings
_BREAK_ESCAPES = tuple((text.encode(), b"\\u%04x" % ord(text)) for text in _BREAKS)
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|([\[{])|([\]}])|(-?\d[\d.eE+-]*)', re.DOTALL)
_DECODER = msgspec.json.Decoder(msgspec.Raw)


class Splice(msgspec.Struct, frozen=True, gc=False):
    """Either `value`, the bytes of a JSON value on one line, or `error`, why there is none, in words."""

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
    trouble = _nesting_trouble(payload)
    if trouble is None:
        try:
            _DECODER.decode(payload)
        except msgspec.DecodeError as error:
            trouble = str(error)
    trouble = trouble or _number_trouble(payload)
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
    """Where bytes stop being UTF-8, in words."""
    return f"not valid UTF-8 at byte {error.start}"


def _nesting_trouble(payload: bytes) -> str | None:
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
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


def _number_trouble(payload: bytes) -> str | None:
    for token in _TOKENS.finditer(payload):
        number = token[3]
        if number is not None and (len(number) > _MAX_NUMBER_CHARS or math.isinf(float(number))):
            return f"number out of range at byte {token.start()}"
    return None
