"""What an event did to one token, in a few words for a person."""

from collections.abc import Iterator
from typing import assert_never

from common.core.events.market_events import (
    BestBidAsk,
    BookSnapshot,
    LastTrade,
    LevelChange,
    MarketEvent,
    MarketResolved,
    PriceChange,
    TickSizeChange,
    Unusable,
    UnusualForms,
)

_MOST_CHANGES = 2


def changes_of(event: MarketEvent, token_id: str) -> tuple[LevelChange, ...]:
    """The levels of the token that the event changed; a snapshot changes none, it replaces all."""
    if not isinstance(event, PriceChange):
        return ()
    return tuple(change for change in event.changes if change.token_id == token_id)


def is_about(event: MarketEvent, token_id: str) -> bool:
    """Whether the event tells of this token."""
    match event:
        case PriceChange():
            return any(change.token_id == token_id for change in event.changes)
        case MarketResolved():
            return token_id in event.token_ids
        case BookSnapshot() | TickSizeChange() | LastTrade() | BestBidAsk():
            return event.token_id == token_id
        case Unusable() | UnusualForms():
            return False
    assert_never(event)


def named_tokens(event: MarketEvent) -> Iterator[tuple[str, bool]]:
    """Each token that an event names, and whether it brings its book."""
    if isinstance(event, PriceChange):
        yield from ((change.token_id, False) for change in event.changes)
    elif token_id := getattr(event, "token_id", None):
        yield token_id, isinstance(event, BookSnapshot)


def event_words(event: MarketEvent, token_id: str) -> str:
    """One line: `price_change  BUY 0.43 now 120.5`."""
    match event:
        case PriceChange():
            changes = changes_of(event, token_id)
            told = [f"{change.side} {change.price} now {change.size}" for change in changes[:_MOST_CHANGES]]
            more = f", {len(changes) - _MOST_CHANGES} more" if len(changes) > _MOST_CHANGES else ""
            return f"price_change  {', '.join(told)}{more}"
        case BookSnapshot():
            return f"book  {len(event.bids)} bids, {len(event.asks)} asks"
        case LastTrade():
            return f"last_trade_price  {event.side} {event.size} at {event.price}"
        case TickSizeChange():
            return f"tick_size_change  {event.old_tick_size} to {event.new_tick_size}"
        case BestBidAsk():
            return f"best_bid_ask  {event.best_bid or '-'} to {event.best_ask or '-'}"
        case MarketResolved():
            return f"market_resolved  {event.winning_outcome or 'outcome not stated'}"
        case Unusable() | UnusualForms():
            return "unusable event"
    assert_never(event)
