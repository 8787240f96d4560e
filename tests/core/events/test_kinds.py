"""Every event type of the table is known wherever kinds are told apart."""

import json
from typing import get_args

import msgspec
import pytest

from common.core.events.kinds import EVENT_TYPES, MARKET_KINDS, EventType
from common.core.events.market_events import BookSnapshot, MarketEvent, NewMarket
from common.core.events.reader import read_events
from common.polymarket.classify import classify
from common.polymarket.market_channel import is_market_data

OF_MARKET = [kind for kind in EVENT_TYPES if kind.source == "market"]


def test_each_kind_that_the_exchange_names_is_read_as_a_typed_event() -> None:
    tags = [msgspec.inspect.type_info(each) for each in (*get_args(MarketEvent), BookSnapshot, NewMarket)]
    named = {tag.tag for tag in tags if isinstance(tag, msgspec.inspect.StructType)}
    assert named - {None} == MARKET_KINDS


@pytest.mark.parametrize("kind", OF_MARKET, ids=lambda kind: kind.name)
def test_a_kind_is_classified_by_its_name_and_shows_life_as_the_table_says(kind: EventType) -> None:
    payload = json.dumps({"event_type": kind.name, "market": "0x1"}, separators=(",", ":")).encode()
    assert classify(payload).event_types == (kind.name,)
    assert is_market_data(payload) is kind.shows_life


@pytest.mark.parametrize("kind", OF_MARKET, ids=lambda kind: kind.name)
def test_an_event_of_any_kind_without_its_fields_is_counted_and_never_raises(kind: EventType) -> None:
    read_events(json.dumps({"event_type": kind.name, "market": "0x1", "asset_id": "7"}).encode())


@pytest.mark.parametrize(
    "kind", [each for each in EVENT_TYPES if each.source == "text"], ids=lambda kind: kind.name
)
def test_a_plain_text_is_a_kind_of_its_own_and_no_market_data(kind: EventType) -> None:
    assert classify(kind.name.encode()).event_types == (kind.name,)
    assert not is_market_data(kind.name.encode())
