"""Every event type that a message can have, in one table: its name, what it is, and what it says of the feed.

Kinds that this version does not know are `unknown:` and the exchange's own word; `common/polymarket/classify.py` makes
them. `common/archive/README.md` lists all of them for users.
"""

from typing import Literal

import msgspec

Source = Literal["market", "text", "shape"]

BOOK_WITHOUT_EVENT_TYPE = "book_without_event_type"
EMPTY_ARRAY = "empty_array"
NOT_JSON = "not_json"
NOT_UTF8 = "not_utf8"
NEW_MARKET = "new_market"


class EventType(msgspec.Struct, frozen=True):
    """One event type.

    `source`: the event's own `event_type` names it (`market`), it is the whole message (`text`), or the message has
    none and its shape decides (`shape`). `shows_life`: a subscribed token is alive where this comes.
    `bears_sending_time`: its timestamp is that of its sending, whereas trades and announcements may bear old ones.
    """

    name: str
    meaning: str
    source: Source = "market"
    shows_life: bool = False
    bears_sending_time: bool = False


EVENT_TYPES = (
    EventType("book", "a whole order book: when a subscription opens, and after trades", shows_life=True),
    EventType("price_change", "price levels that changed", shows_life=True, bears_sending_time=True),
    EventType("last_trade_price", "a trade", shows_life=True),
    EventType("tick_size_change", "the smallest price step changed", shows_life=True),
    EventType("best_bid_ask", "the best prices changed", shows_life=True, bears_sending_time=True),
    # it goes to every connection, also to one whose books are frozen, and so shows nothing of its tokens
    EventType(NEW_MARKET, "a market was created; sent to everyone"),
    EventType("market_resolved", "a market has its outcome", shows_life=True),
    EventType(BOOK_WITHOUT_EVENT_TYPE, "an order book that does not name its kind", "shape", shows_life=True),
    EventType("PONG", "the answer to our keepalive", "text"),
    EventType("INVALID OPERATION", "the exchange did not understand a request of ours", "text"),
    EventType("NO NEW ASSETS", "everything asked for was subscribed already", "text"),
    EventType("INVALID MESSAGE", "the exchange did not understand a request of ours", "text"),
    EventType(EMPTY_ARRAY, "no token of the subscription has a book", "shape"),
    EventType(NOT_JSON, "text that is not JSON", "shape"),
    EventType(NOT_UTF8, "bytes that are not text", "shape"),
)
MEANINGS = {kind.name: kind.meaning for kind in EVENT_TYPES}
MARKET_KINDS = frozenset(kind.name for kind in EVENT_TYPES if kind.source == "market")
PLAIN_TEXTS = frozenset(kind.name for kind in EVENT_TYPES if kind.source == "text")
SUBSCRIBED_KINDS = frozenset(kind.name for kind in EVENT_TYPES if kind.shows_life)
FRESH_KINDS = frozenset(kind.name for kind in EVENT_TYPES if kind.bears_sending_time)
