"""The kinds of event that the exchange sends, and which of them say that a subscribed token is alive."""

MARKET_KINDS = frozenset(
    {
        "book",
        "price_change",
        "last_trade_price",
        "tick_size_change",
        "best_bid_ask",
        "new_market",
        "market_resolved",
    }
)
BOOK_WITHOUT_EVENT_TYPE = "book_without_event_type"
# new_market goes to every connection, also to one whose books are frozen: it proves nothing.
SUBSCRIBED_KINDS = MARKET_KINDS - {"new_market"} | {BOOK_WITHOUT_EVENT_TYPE}
