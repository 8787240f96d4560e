"""What the settings name: series, tags, events and single markets, each as one item that Gamma is asked for."""

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

ItemKind = Literal["series", "tag", "event", "market", "condition"]
BTC_SERIES = (
    "btc-up-or-down-5m",
    "btc-up-or-down-15m",
    "btc-up-or-down-4h",
    "btc-up-or-down-hourly",
    "btc-up-or-down-daily",
)
_SLUG = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_CONDITION_ID = re.compile(r"0x[0-9a-fA-F]{62,64}")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*polymarket\.com")
_EVENT_PATHS = ("event", "events")
_MARKET_PATHS = ("market", "markets")


class Item(msgspec.Struct, frozen=True):
    """One thing to record; `name` is a slug, or the condition id of a market."""

    kind: ItemKind
    name: str

    @property
    def label(self) -> str:
        """As it is written in discovery's file and messages."""
        return f"{self.kind} {self.name}"


class Wanted(msgspec.Struct, frozen=True):
    """All that is to be recorded."""

    items: tuple[Item, ...]

    @property
    def series(self) -> tuple[str, ...]:
        """The series among the items."""
        return tuple(item.name for item in self.items if item.kind == "series")

    @property
    def labels(self) -> frozenset[str]:
        """The labels of all items."""
        return frozenset(item.label for item in self.items)

    @property
    def is_default(self) -> bool:
        """Whether nobody named anything: a series of it that the exchange never had is not a typing error."""
        return self.items == tuple(Item("series", name) for name in BTC_SERIES)

    @property
    def is_bitcoin_only(self) -> bool:
        """Whether only Bitcoin's up/down series are recorded."""
        return all(item.kind == "series" and item.name.startswith("btc-") for item in self.items)


def wanted_markets(
    series: Iterable[str], tags: Iterable[str], events: Iterable[str], markets: Iterable[str]
) -> Wanted:
    """The items of the settings, each once. Raises ValueError with the key of a name that can be none."""
    items = [*(Item("series", name) for name in series), *(Item("tag", name) for name in tags)]
    for key, item_of, texts in (("events", event_item, events), ("markets", market_item, markets)):
        for text in texts:
            try:
                items.append(item_of(text))
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from error
    return Wanted(tuple(dict.fromkeys(items)))


def event_item(text: str) -> Item:
    """An event by its slug or by the address of its page. Raises ValueError."""
    steps = _page_steps(text)
    if steps is not None:
        return Item("event", _slug_after(steps, _EVENT_PATHS, text))
    return Item("event", _slug(text))


def market_item(text: str) -> Item:
    """A market by slug, condition id, or the address of its page; the page of an event is that event.

    Raises ValueError.
    """
    steps = _page_steps(text)
    if steps is None:
        return (
            Item("condition", text.lower()) if _CONDITION_ID.fullmatch(text) else Item("market", _slug(text))
        )
    for paths in (_MARKET_PATHS, _EVENT_PATHS):
        if steps and steps[0] in paths:
            rest = steps[1:]
            is_market = paths is _MARKET_PATHS or len(rest) > 1
            return Item("market" if is_market else "event", _slug(rest[-1] if rest else ""))
    raise ValueError(f"{text!r} is not the page of a market or an event")


def _page_steps(text: str) -> list[str] | None:
    """The steps of a Polymarket page's path, from `event` or `market` on; None for what is not an address."""
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return None
    if not _HOST.fullmatch(host):
        if "://" in text or "/" in text:
            raise ValueError(f"{text!r} is not an address of polymarket.com")
        return None
    steps = [unquote(step) for step in parts.path.split("/") if step]
    known = [place for place, step in enumerate(steps) if step in (*_EVENT_PATHS, *_MARKET_PATHS)]
    return steps[known[0] :] if known else []


def _slug_after(steps: list[str], paths: tuple[str, ...], text: str) -> str:
    if len(steps) < 2 or steps[0] not in paths:
        raise ValueError(f"{text!r} is not the page of an event")
    return _slug(steps[1])


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError(f"{text!r} is not a slug, a condition id or an address of polymarket.com")
    return text
