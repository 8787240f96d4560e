"""The columns of the exported tables: their names, kinds and order are a promise to anyone who reads them."""

from typing import Literal

import msgspec

Kind = Literal[
    "instant_ns",  # nanoseconds since 1970, shown as a UTC timestamp
    "instant_ms",  # milliseconds since 1970, shown as a UTC timestamp
    "int32",
    "int64",
    "bool",
    "text",
    "word",  # a text out of few
    "decimal",  # millionths
    "decimals",  # a list of millionths
]
Table = Literal["events", "top_of_book", "depth", "left_out"]
TABLES: tuple[Table, ...] = ("events", "top_of_book", "depth", "left_out")


class Column(msgspec.Struct, frozen=True):
    """A column; `meaning` is text for the manual."""

    name: str
    kind: Kind
    meaning: str


_PLACE = (
    Column("received_at", "instant_ns", "when the message arrived"),
    Column("exchange_at", "instant_ms", "the exchange's own time of the event"),
    Column("producer", "word", "the outbox that the message went through"),
    Column("session_id", "word", "the unbroken connection it came over"),
    Column("message_sequence", "int64", "its number within the session; null for life-cycle rows"),
    Column("global_message_sequence", "int64", "its number within the producer; null for life-cycle rows"),
    Column("event_index", "int32", "which event of the message, from 0"),
    Column("exchange", "word", "`live`, or `simulated` for the embedded exchange"),
)
_TOKEN = (
    Column("market_slug", "word", "the market's name; null where no row names it"),
    Column("condition_id", "word", "the market"),
    Column("token_id", "word", "the outcome token, a text"),
    Column("outcome", "word", "`Up` or `Down`"),
)
COLUMNS: dict[Table, tuple[Column, ...]] = {
    "events": (
        *_PLACE,
        Column("level_index", "int32", "which level of the event, from 0"),
        *_TOKEN,
        Column("event_type", "word", "the exchange's event type, or the life-cycle row's record type"),
        Column("side", "word", "`BUY` is a bid, `SELL` an ask; of a trade the taker's"),
        Column("price", "decimal", "null where the text does not fit six places"),
        Column("size", "decimal", "a level's new size, 0 removes it; of a trade what was traded"),
        Column("price_text", "text", "the price in the exchange's own digits"),
        Column("size_text", "text", "the size in the exchange's own digits"),
        Column("best_bid", "decimal", "the exchange's word for the best bid after the event"),
        Column("best_ask", "decimal", "the same for the best ask"),
        Column("tick_size", "decimal", "the smallest price step, where the event states it"),
        Column("hash", "text", "the exchange's hash of the book after the event's batch"),
        Column("detail", "text", "cause of a gap, reason of a close, winner, transaction"),
    ),
    "top_of_book": (
        *_PLACE,
        *_TOKEN,
        Column(
            "has_book", "bool", "false from where the book ended or became unknown until its next snapshot"
        ),
        Column("bid_price", "decimal", "the best bid; null for an empty side"),
        Column("bid_size", "decimal", "what is bid there"),
        Column("ask_price", "decimal", "the best ask; null for an empty side"),
        Column("ask_size", "decimal", "what is asked there"),
    ),
    "depth": (
        *_PLACE,
        *_TOKEN,
        Column("event_type", "word", "`book` or `price_change`"),
        Column("hash", "text", "the exchange's hash, as it came with the event"),
        Column("bid_prices", "decimals", "best first"),
        Column("bid_sizes", "decimals", "in the order of `bid_prices`"),
        Column("ask_prices", "decimals", "best first"),
        Column("ask_sizes", "decimals", "in the order of `ask_prices`"),
    ),
    "left_out": (
        *_PLACE,
        *_TOKEN,
        Column("reason", "word", "what cannot be read: the kind of event and its field"),
        Column("detail", "text", "why not, as a message"),
        Column(
            "voids_book", "bool", "whether the token's book is not known from here until its next snapshot"
        ),
    ),
}
