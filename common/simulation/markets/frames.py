"""The texts of the market websocket: a function for each kind of frame, key order and spacing as seen."""

import json
from collections.abc import Iterable, Sequence

import msgspec

from common.simulation.markets.book import ONE, PRICES, Book, size_text
from common.simulation.markets.listing import Listing


class Frame(msgspec.Struct, frozen=True):
    """One text frame and who gets it.

    `condition_id` names the market whose subscribers get it ("" is every connection), `token_id` narrows that
    to those of one token, `flagged` to connections with custom_feature_enabled.
    """

    kind: str
    text: str
    condition_id: str = ""
    token_id: str = ""
    flagged: bool = False


class Change(msgspec.Struct, frozen=True):
    """A level's new aggregate: side of the first token's book, price in ten-thousandths, size in hundredths."""

    bid: bool
    price: int
    size: int


def spaced(text: str) -> str:
    """The same JSON with a space after every comma, as some of the exchange's serialisers write it."""
    return text.replace('","', '", "').replace("},{", "}, {").replace('],"', '], "')


def opening_book(book: Book, leg: int) -> str:
    """One element of the opening array."""
    bids, asks = book.sides(leg)
    return (
        f'{{"market":"{book.condition_id}","asset_id":"{book.token_ids[leg]}","timestamp":"{book.changed_ms}"'
        f',"hash":"{book.hash(leg)}","bids":[{bids}],"asks":[{asks}],"tick_size":"{PRICES[book.tick]}"'
        f',"event_type":"book","last_trade_price":"{book.last_trade}"{book.version_field}}}'
    )


def opening_array(books: Iterable[str]) -> bytes:
    """The message that a new subscription is answered with; each of `books` as `opening_book` makes it."""
    return f"[{','.join(books)}]\n".encode()


def refresh(book: Book, leg: int) -> Frame:
    """The whole book after a trade, without tick size and last trade."""
    bids, asks = book.sides(leg)
    text = (
        f'{{"market":"{book.condition_id}","asset_id":"{book.token_ids[leg]}","bids":[{bids}],"asks":[{asks}]'
        f',"hash":"{book.hash(leg)}","timestamp":"{book.changed_ms}","event_type":"book"{book.version_field}}}'
    )
    return Frame("book", spaced(text), book.condition_id, book.token_ids[leg])


def price_changes(
    book: Book, frames: Sequence[Sequence[Change]], *, wide: bool, swapped: bool
) -> list[Frame]:
    """Several frames of one engine batch that the book already holds: all show the state after the batch."""
    ends = []
    for leg in (0, 1):
        bid, ask = book.best(leg)
        ends.append(f'"hash":"{book.hash(leg)}","best_bid":"{PRICES[bid]}","best_ask":"{PRICES[ask]}"}}')
    made = []
    for changes in frames:
        entries = [_entry(book, change, leg, ends[leg]) for change in changes for leg in (0, 1)]
        listed = ",".join(reversed(entries) if swapped else entries)
        text = (
            f'{{"market":"{book.condition_id}","price_changes":[{listed}],"timestamp":"{book.changed_ms}"'
            ',"event_type":"price_change"}'
        )
        text = spaced(text) if wide else text
        made.append(Frame("price_change", text, book.condition_id))
    return made


def _entry(book: Book, change: Change, leg: int, end: str) -> str:
    price = ONE - change.price if leg else change.price
    side = "BUY" if change.bid != bool(leg) else "SELL"
    return (
        f'{{"asset_id":"{book.token_ids[leg]}","price":"{PRICES[price]}","size":"{size_text(change.size)}"'
        f',"side":"{side}",{end}'
    )


def best_bid_ask(book: Book, leg: int) -> Frame:
    """The new best prices; the exchange sends it before the price_change that caused it."""
    bid, ask = book.best(leg)
    text = (
        f'{{"market":"{book.condition_id}","asset_id":"{book.token_ids[leg]}","best_bid":"{PRICES[bid]}"'
        f',"best_ask":"{PRICES[ask]}","spread":"{PRICES[ask - bid]}","timestamp":"{book.changed_ms}"'
        ',"event_type":"best_bid_ask"}'
    )
    return Frame("best_bid_ask", text, book.condition_id, book.token_ids[leg], flagged=True)


def last_trade_price(book: Book, leg: int, *, price: int, size: int, buy: bool, transaction: str) -> Frame:
    """A trade of token `leg` at its own price (ten-thousandths); the side is the taker's."""
    text = (
        f'{{"market":"{book.condition_id}","asset_id":"{book.token_ids[leg]}","price":"{PRICES[price]}"'
        f',"size":"{size_text(size)}","fee_rate_bps":"0","side":"{"BUY" if buy else "SELL"}"'
        f',"timestamp":"{book.changed_ms}","event_type":"last_trade_price","transaction_hash":"{transaction}"}}'
    )
    return Frame("last_trade_price", text, book.condition_id, book.token_ids[leg])


def tick_size_change(book: Book, leg: int, old: int) -> Frame:
    """The finer tick (ten-thousandths) of a token near 0 or 1."""
    text = (
        f'{{"event_type":"tick_size_change","asset_id":"{book.token_ids[leg]}","market":"{book.condition_id}"'
        f',"old_tick_size":"{PRICES[old]}","new_tick_size":"{PRICES[book.tick]}","timestamp":"{book.changed_ms}"}}'
    )
    return Frame("tick_size_change", text, book.condition_id, book.token_ids[leg])


def new_market(listing: Listing, now_ms: int, *, encoded_lists: bool) -> Frame:
    """The announcement to every flagged connection; lists come as arrays or as JSON-encoded strings."""
    tokens, outcomes = list(listing.token_ids), list(listing.outcomes)
    body = {
        "id": listing.id,
        "question": listing.question,
        "market": listing.condition_id,
        "slug": listing.slug,
        "description": listing.description,
        "assets_ids": json.dumps(tokens) if encoded_lists else tokens,
        "outcomes": json.dumps(outcomes) if encoded_lists else outcomes,
        "event_message": {
            "slug": listing.slug,
            "title": listing.question,
            "description": listing.description,
        },
        "timestamp": str(now_ms),
        "event_type": "new_market",
        "tags": [label for label, _ in listing.event.tags],
        "order_price_min_tick_size": PRICES[listing.tick],
    }
    return Frame("new_market", json.dumps(body, separators=(",", ":")), flagged=True)


def market_resolved(listing: Listing, winner: int, now_ms: int) -> Frame:
    """The end of a market, for its own flagged subscribers only."""
    body = {
        "id": listing.id,
        "market": listing.condition_id,
        "assets_ids": list(listing.token_ids),
        "winning_asset_id": listing.token_ids[winner],
        "winning_outcome": listing.outcomes[winner],
        "event_message": None,
        "timestamp": str(now_ms),
        "event_type": "market_resolved",
        "tags": [*(label for label, _ in listing.event.tags), "Crypto Prices", "Recurring"],
    }
    text = json.dumps(body, separators=(",", ":"))
    return Frame("market_resolved", text, listing.condition_id, flagged=True)
