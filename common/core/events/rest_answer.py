"""Reads the books of a REST answer, each by itself and in any form that means the same."""

import msgspec

from common.core.books.checkpoint import CheckpointBook
from common.core.books.unknown_keys import unknown_keys
from common.core.events import mended
from common.core.events.market_events import Unusable, UnusualForms
from common.core.events.mended import Mending, Wrong
from common.core.events.mending import mend_book


class Answer(msgspec.Struct, frozen=True):
    """The books of a REST answer; those that cannot be read, each named; and the unusual forms in the others."""

    books: tuple[CheckpointBook, ...] = ()
    unreadable: tuple[Unusable, ...] = ()
    forms: tuple[UnusualForms, ...] = ()


NO_ANSWER = Answer()
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_BOOK = msgspec.json.Decoder(CheckpointBook, strict=False)
_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(CheckpointBook))
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_answer(payload: bytes) -> Answer:
    """What an answer holds; nothing where it is not a list. Never raises."""
    try:
        raws = _RAWS.decode(payload)
    except _ERRORS:
        return NO_ANSWER
    books, unreadable, forms = [], [], []
    for raw in raws:
        mending = Mending()
        try:
            book = _read_book(bytes(raw), mending)
        except Wrong as wrong:
            unreadable.append(_unreadable(bytes(raw), wrong))
            continue
        books.append(book)
        if mending.forms:
            forms.append(UnusualForms((book.token_id,), tuple(mending.forms), tuple(mending.written.items())))
    return Answer(tuple(books), tuple(unreadable), tuple(forms))


def read_checkpoint(payload: bytes) -> list[CheckpointBook]:
    """The books of an answer that can be read. Never raises."""
    return list(read_answer(payload).books)


def _read_book(raw: bytes, mending: Mending) -> CheckpointBook:
    try:
        return _decoded(raw)
    except _ERRORS:
        pass
    fields = mended.fields_of(raw)
    if fields is None:
        raise Wrong("shape", "a book is not an object")
    mend_book(fields, mending)
    mending.optional(fields, "min_order_size", mending.decimal)
    mended.drop_null(fields, "neg_risk")
    neg_risk = bytes(fields.get("neg_risk", b""))
    if neg_risk in {b'"true"', b'"false"'}:
        fields["neg_risk"] = msgspec.Raw(neg_risk.strip(b'"'))
        mending.note("boolean_as_text")
    try:
        return _decoded(msgspec.json.encode(fields))
    except _ERRORS as error:
        raise Wrong("shape", str(error)) from error


def _decoded(text: bytes) -> CheckpointBook:
    return msgspec.structs.replace(_BOOK.decode(text), extra=unknown_keys(text, _KEYS))


def _unreadable(raw: bytes, wrong: Wrong) -> Unusable:
    tokens, market = mended.named_in(raw)
    token_id = mended.text_of(mended.fields_of(raw) or {}, "asset_id")
    return Unusable(f"rest_book: {wrong.field}", wrong.why, (token_id,) if token_id else tokens, market)
