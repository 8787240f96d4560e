"""A book as REST answers it, and what differs between two books."""

from typing import NamedTuple

import msgspec

from common.core import mended
from common.core.book import Book
from common.core.book_hash import HashTerms, book_hash
from common.core.decimal_text import check_decimals, scaled
from common.core.event_mending import mend_book
from common.core.market_events import BookSnapshot, Level, Milliseconds, Unusable, UnusualForms
from common.core.mended import Fields, Mending, Wrong


class CheckpointBook(
    msgspec.Struct, frozen=True, rename={"token_id": "asset_id", "timestamp_ms": "timestamp"}
):
    """One book of a checkpoint. `timestamp_ms` is its last change, not the time of the answer."""

    market: str
    token_id: str
    timestamp_ms: Milliseconds
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    hash: str = ""
    min_order_size: str = ""
    tick_size: str = ""
    neg_risk: bool = False
    last_trade_price: str | None = None

    def __post_init__(self) -> None:
        levels = self.bids + self.asks
        check_decimals([level.price for level in levels] + [level.size for level in levels])

    @property
    def terms(self) -> HashTerms:
        """What the hashes of this token hold and only REST tells."""
        return HashTerms(self.min_order_size, self.neg_risk, self.tick_size)

    def book(self) -> Book:
        """The book that it shows."""
        return Book(
            BookSnapshot(
                market=self.market,
                token_id=self.token_id,
                timestamp_ms=self.timestamp_ms,
                bids=self.bids,
                asks=self.asks,
                hash=self.hash,
                tick_size=self.tick_size or None,
            )
        )

    def keeps_its_hash(self, book: Book) -> bool:
        """Whether its own content, made a `book`, gives its own hash, by either recipe."""
        prices = (self.last_trade_price, None)
        return any(book_hash(book, self.terms, price) == self.hash for price in prices)


class DifferingLevel(NamedTuple):
    """A level of which two books tell different sizes; `0` where a book has none."""

    side: str
    price: str
    rebuilt: str
    exchange: str


class Answer(msgspec.Struct, frozen=True):
    """The books of a REST answer; those that cannot be read, each named; and the unusual forms in the others."""

    books: tuple[CheckpointBook, ...] = ()
    unreadable: tuple[Unusable, ...] = ()
    forms: tuple[UnusualForms, ...] = ()


_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_BOOKS = msgspec.json.Decoder(list[CheckpointBook], strict=False)
_BOOK = msgspec.json.Decoder(CheckpointBook, strict=False)
_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_answer(payload: bytes) -> Answer:
    """What an answer holds; nothing where it is not a list. Never raises."""
    try:
        return Answer(tuple(_BOOKS.decode(payload)))
    except _ERRORS:
        pass
    try:
        raws = _RAWS.decode(payload)
    except _ERRORS:
        return Answer()
    books, unreadable, forms = [], [], []
    for raw in raws:
        mending, fields = Mending(), mended.fields_of(raw) or {}
        try:
            book = _read_slowly(fields, mending)
        except Wrong as wrong:
            unreadable.append(_unreadable(bytes(raw), fields, wrong))
            continue
        books.append(book)
        if mending.forms:
            forms.append(UnusualForms((book.token_id,), tuple(mending.forms), tuple(mending.written.items())))
    return Answer(tuple(books), tuple(unreadable), tuple(forms))


def read_checkpoint(payload: bytes) -> list[CheckpointBook]:
    """The books of an answer that can be read. Never raises."""
    return list(read_answer(payload).books)


def _read_slowly(fields: Fields, mending: Mending) -> CheckpointBook:
    mend_book(fields, mending)
    mending.optional(fields, "min_order_size", mending.decimal)
    mended.drop_null(fields, "neg_risk")
    neg_risk = bytes(fields.get("neg_risk", b""))
    if neg_risk in {b'"true"', b'"false"'}:
        fields["neg_risk"] = msgspec.Raw(neg_risk.strip(b'"'))
        mending.note("boolean_as_text")
    try:
        return _BOOK.decode(msgspec.json.encode(fields))
    except _ERRORS as error:
        raise Wrong("shape", str(error)) from error


def _unreadable(raw: bytes, fields: Fields, wrong: Wrong) -> Unusable:
    tokens, market = mended.named_in(raw)
    token_id = mended.text_of(fields, "asset_id")
    return Unusable(f"rest_book: {wrong.field}", wrong.why, (token_id,) if token_id else tokens, market)


def same_levels(rebuilt: Book, exchange: Book) -> bool:
    """Whether both hold the same sizes at the same prices, as texts."""
    return (
        rebuilt.bid_ladder.json == exchange.bid_ladder.json
        and rebuilt.ask_ladder.json == exchange.ask_ladder.json
    )


def differing_levels(rebuilt: Book, exchange: Book) -> tuple[DifferingLevel, ...]:
    """The levels that differ, bids first, each side by price ascending."""
    found = []
    for side, ours, theirs in (
        ("bid", rebuilt.bid_ladder.sizes(), exchange.bid_ladder.sizes()),
        ("ask", rebuilt.ask_ladder.sizes(), exchange.ask_ladder.sizes()),
    ):
        found += [
            DifferingLevel(side, price, ours.get(price, "0"), theirs.get(price, "0"))
            for price in sorted({*ours, *theirs}, key=scaled)
            if ours.get(price) != theirs.get(price)
        ]
    return tuple(found)
