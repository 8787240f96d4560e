"""Events that are not in the usual forms, rewritten to them: the slow way of `event_reader`.

An event's fields stay the exchange's own bytes; only those whose meaning is known are rewritten, one by one. What
cannot be read spoils what it says something about, and names that.
"""

import re
from collections.abc import Callable

import msgspec

from common.core.events.forms import NUMBER, USUAL, Unreadable, decimal_form, side_form, time_form

Fields = dict[str, msgspec.Raw]
NULL = msgspec.Raw(b"null")

_FIELDS = msgspec.json.Decoder(Fields)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_TOKEN_ID = re.compile(rb"(?<![0-9a-zA-Z.])[0-9]{20,78}(?![0-9a-zA-Z.])")
_MARKET = re.compile(rb"(?<![0-9a-zA-Z])0x[0-9a-fA-F]{62,64}(?![0-9a-zA-Z])")


class Wrong(Exception):
    """A field that cannot be read: its name, and why as a message."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why


class Mending:
    """The forms that were met in one event, and what was written for values of another normal text."""

    def __init__(self) -> None:
        self.forms: dict[str, None] = {}
        self.written: dict[str, str] = {}

    def note(self, form: str) -> None:
        """A form was met."""
        if form != USUAL:
            self.forms[form] = None

    def decimal(self, fields: Fields, name: str) -> None:
        """Rewrite a decimal that must be there."""
        self._rewrite(fields, name, decimal_form)

    def side(self, fields: Fields, name: str) -> None:
        """Rewrite a side that must be there."""
        self._rewrite(fields, name, side_form)

    def time(self, fields: Fields, name: str) -> None:
        """Rewrite a time that must be there, to milliseconds."""
        self._rewrite(fields, name, lambda text: _as_text(time_form(text)))

    def name(self, fields: Fields, name: str) -> None:
        """Rewrite the id of a token or market: a text, or an integer with all its digits."""
        self._rewrite(fields, name, _name_form)

    def optional(self, fields: Fields, name: str, rewrite: Callable[[Fields, str], None]) -> None:
        """A value that an event can do without: null and an empty text are none, an unreadable one is counted."""
        if fields.get(name, NULL) in (NULL, b'""'):
            fields.pop(name, None)
            return
        try:
            rewrite(fields, name)
        except Wrong:
            del fields[name]
            self.note(f"unreadable_{name}")

    def objects(self, fields: Fields, name: str) -> list[bytes]:
        """The items of a list, which may be written as a text or stand alone."""
        raw = bytes(fields.get(name, NULL))
        try:
            if raw.startswith(b'"'):
                raw = _TEXT.decode(raw).strip().encode()
                self.note("list_as_text")
            if raw.startswith(b"{"):
                self.note("single_item")
                return [raw]
            return [bytes(item) for item in _LIST.decode(raw)]
        except (msgspec.DecodeError, RecursionError) as error:
            raise Wrong(name, f"{name} is not a list") from error

    def _rewrite(self, fields: Fields, name: str, form_of: Callable[[str], tuple[str, str]]) -> None:
        text, is_number = _scalar(fields, name)
        try:
            normal, form = form_of(text)
        except Unreadable as error:
            raise Wrong(name, f"{name} {error}") from error
        self.note(form or (NUMBER if is_number and name != "timestamp" else USUAL))
        if normal != text:
            self.written[normal] = text
        fields[name] = msgspec.Raw(msgspec.json.encode(normal))


def fields_of(raw: bytes) -> Fields | None:
    """The fields of an object, each as its own bytes; None for anything else."""
    try:
        raw.decode()  # what is decoded as raw parts is not validated, and must never raise later
        return _FIELDS.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def named_in(raw: bytes) -> tuple[tuple[str, ...], str]:
    """The ids of tokens that stand anywhere in bytes of any kind, each once, and the first market's."""
    market = _MARKET.search(raw)
    tokens = dict.fromkeys(match.decode() for match in _TOKEN_ID.findall(raw))
    return tuple(tokens), market[0].decode() if market else ""


def drop_null(fields: Fields, *names: str) -> None:
    """Leave out fields that an event can do without where they are null."""
    for name in names:
        if fields.get(name) == NULL:
            del fields[name]


def text_of(fields: Fields, name: str) -> str:
    """A field that is a text; empty where it is not."""
    try:
        return _TEXT.decode(fields.get(name, NULL))
    except msgspec.DecodeError:
        return ""


def _scalar(fields: Fields, name: str) -> tuple[str, bool]:
    """A text, or the digits of a number as they were written."""
    raw = bytes(fields.get(name, b""))
    if not raw:
        raise Wrong(name, f"{name} is missing")
    if raw.startswith(b'"'):
        return _TEXT.decode(raw), False
    if raw[:1] in b"-0123456789":
        return raw.decode(), True
    raise Wrong(name, f"{name} is {raw[:40].decode(errors='replace')}")


def _name_form(text: str) -> tuple[str, str]:
    if not text or text.startswith("-") or not text.isascii() or not text.isalnum():
        raise Unreadable(f"{text[:80]!r} is not an id")
    return text, USUAL


def _as_text(time: tuple[int, str]) -> tuple[str, str]:
    milliseconds, form = time
    return str(milliseconds), form
