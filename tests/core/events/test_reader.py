"""Every form that means the same is read as the same; what can be read in two ways, or not at all, is named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.books.connection import Books
from common.core.events.market_events import (
    BookSnapshot,
    LastTrade,
    MarketEvent,
    PriceChange,
    Unusable,
    UnusualForms,
)
from common.core.events.reader import read_events

AT_MS = 1_795_462_109_123
MARKET, UP, DOWN = "0x" + "c" * 64, "1" * 70, "2" * 70
Fields = dict[str, Any]


def entry(token_id: str = UP, **fields: object) -> Fields:
    return {"asset_id": token_id, "price": "0.5", "size": "8", "side": "BUY", "hash": "ab"} | fields


def changed(*entries: object, **fields: object) -> Fields:
    usual = {"market": MARKET, "price_changes": list(entries), "timestamp": str(AT_MS)}
    return usual | {"event_type": "price_change"} | fields


def book(**fields: object) -> Fields:
    sides = {"bids": [{"price": "0.4", "size": "10"}], "asks": [{"price": "0.6", "size": "5"}]}
    usual = {"market": MARKET, "asset_id": UP, "timestamp": str(AT_MS), "hash": "ab", **sides}
    return usual | {"event_type": "book"} | fields


def without(event: Fields, name: str) -> Fields:
    return {key: value for key, value in event.items() if key != name}


def read(value: object) -> tuple[MarketEvent, ...]:
    return read_events(json.dumps(value).encode())


def forms_and_rest(value: object) -> tuple[tuple[str, ...], list[MarketEvent]]:
    events = read(value)
    forms = [form for event in events if isinstance(event, UnusualForms) for form in event.forms]
    return tuple(forms), [event for event in events if not isinstance(event, UnusualForms)]


USUAL = read(changed(entry(price="0.5")))


@pytest.mark.parametrize(
    ("price", "form"),
    [
        (".5", "leading_point"),
        ("5e-1", "exponent"),
        ("5E-01", "exponent"),
        ("+0.5", "sign"),
        (" 0.5 ", "spaces"),
        ("0.5000000000000000000000000", "trailing_zeros"),
        ("0000000000000000000000.5", "leading_zeros"),
        (0.5, "number"),
    ],
)
def test_every_form_of_a_price_is_read_as_the_usual_one_and_counted(price: object, form: str) -> None:
    assert forms_and_rest(changed(entry(price=price))) == ((form,), list(USUAL))


def test_a_number_keeps_all_its_digits() -> None:
    payload = json.dumps(changed(entry(size="SIZE"))).replace('"SIZE"', "90071992547409.930001")
    [event, _] = read_events(payload.encode())
    assert isinstance(event, PriceChange)
    assert event.changes[0].size == "90071992547409.930001"


@pytest.mark.parametrize(
    ("time", "form"),
    [
        ("1795462109.123", "seconds"),
        (1795462109.123, "seconds"),
        ("1795462109123456", "microseconds"),
        ("1795462109123456789", "nanoseconds"),
        ("2026-11-23T19:28:29.123Z", "iso_8601"),
        ("2026-11-23T20:28:29.123456+01:00", "iso_8601"),
        ("1795462109123.4", "fraction"),
        ("1.7954621091234e12", "fraction"),
    ],
)
def test_times_of_every_unit_are_milliseconds(time: object, form: str) -> None:
    assert forms_and_rest(changed(entry(), timestamp=time)) == ((form,), list(USUAL))


def test_whole_seconds_are_not_taken_for_milliseconds_of_1970() -> None:
    for event in (changed(entry()), book(), {**trade(), "price": "0.5"}):
        forms, [found] = forms_and_rest(event | {"timestamp": "1795462109"})
        assert forms == ("seconds",)
        assert getattr(found, "timestamp_ms", 0) == 1_795_462_109_000


def trade() -> Fields:
    fields = {"market": MARKET, "asset_id": UP, "price": "0.5", "size": "3", "side": "BUY"}
    return fields | {"timestamp": str(AT_MS), "event_type": "last_trade_price"}


@pytest.mark.parametrize(
    ("event", "form"),
    [
        (changed(entry(side="buy")), "side_in_other_words"),
        (changed(entry()) | {"price_changes": entry()}, "single_item"),
        (changed(entry()) | {"price_changes": json.dumps([entry()])}, "list_as_text"),
        (changed(entry(asset_id=int(UP))), "number"),
        (without(changed(entry()), "event_type"), "no_event_type"),
        (changed(entry(), event_type="Price_Change"), "event_type_in_other_case"),
        (changed(entry(best_bid=["0.5"])), "unreadable_best_bid"),
    ],
)
def test_other_forms_of_a_change_are_read(event: Fields, form: str) -> None:
    assert forms_and_rest(event) == ((form,), list(USUAL))


def test_an_event_in_nested_arrays_or_in_a_text_is_read() -> None:
    assert read([[changed(entry())]]) == USUAL
    assert read(json.dumps([changed(entry())])) == USUAL


def test_a_null_side_is_an_empty_one_and_a_missing_side_is_not() -> None:
    forms, [found] = forms_and_rest(book(asks=None))
    assert forms == ("null_side",)
    assert isinstance(found, BookSnapshot)
    assert found.asks == ()
    assert unusable_of(without(book(), "asks")).reason == "book: asks"


def test_what_a_value_was_written_as_is_kept_for_the_hash() -> None:
    forms = read(book(bids=[{"price": ".4", "size": "1e1"}]))[1]
    assert isinstance(forms, UnusualForms)
    assert (forms.token_ids, forms.written) == ((UP,), (("0.4", ".4"), ("10", "1e1")))


def unusable_of(event: object) -> Unusable:
    [found] = [each for each in read(event) if isinstance(each, Unusable)]
    return found


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price": "abc"}, "price_change: price"),
        ({"price": "0,5"}, "price_change: price"),
        ({"price": "-0.5"}, "price_change: price"),
        ({"price": ""}, "price_change: price"),
        ({"price": None}, "price_change: price"),
        ({"price": [0.5]}, "price_change: price"),
        ({"price": "0x1"}, "price_change: price"),
        ({"price": "\u0660.\u0665"}, "price_change: price"),
        ({"price": "1" * 19}, "price_change: price"),
        ({"size": True}, "price_change: size"),
        ({"size": "1e-19"}, "price_change: size"),
        ({"side": "B"}, "price_change: side"),
        ({"side": 0}, "price_change: side"),
    ],
)
def test_one_bad_entry_names_its_token_and_spoils_no_other(fields: Fields, reason: str) -> None:
    other = entry(DOWN, price="0.5", side="SELL")
    bad, usable = entry(UP, **fields), None
    for entries in ((bad, other), (other, bad)):
        events = read(changed(*entries))
        [usable] = [each for each in events if isinstance(each, PriceChange)]
        [unusable] = [each for each in events if isinstance(each, Unusable)]
        assert [change.token_id for change in usable.changes] == [DOWN]
        assert (unusable.reason, unusable.token_ids, unusable.market) == (reason, (UP,), MARKET)
        assert unusable.of_book


@pytest.mark.parametrize(
    ("event", "reason", "token_ids"),
    [
        (changed(entry(), entry(DOWN), timestamp="12345678901"), "price_change: timestamp", (UP, DOWN)),
        (changed(entry(), timestamp="2026-11-23T19:28:29"), "price_change: timestamp", (UP,)),
        (changed(entry(), market=None), "price_change: market", (UP,)),
        (changed(without(entry(), "asset_id")), "price_change: asset_id", ()),
        (changed("text"), "price_change: price_changes", ()),
        (without(changed(entry()), "price_changes"), "price_change: price_changes", ()),
        (
            without(changed(entry()), "price_changes") | {"changes2": [entry()]},
            "price_change: price_changes",
            (UP,),
        ),
        (changed(entry(), event_type="price_change_v2"), "unknown: event_type", (UP,)),
        (changed(entry(), event_type="best_bid_ask"), "unknown: event_type", (UP,)),
        (changed(entry(), event_type="new_market"), "unknown: event_type", (UP,)),
        (changed(entry(), event_type="market_resolved"), "unknown: event_type", (UP,)),
        (changed(entry(), event_type=7), "unknown: event_type", (UP,)),
        (book(event_type="price_change"), "price_change: price_changes", (UP,)),
        (book(event_type="last_trade_price"), "unknown: event_type", (UP,)),
        (book(bids={"0.4": "10"}), "book: price", (UP,)),
        (book(bids=[["0.4", "10"]]), "book: bids", (UP,)),
        ({"data": [changed(entry())]}, "unknown: event_type", (UP,)),
    ],
)
def test_what_cannot_be_read_names_whom_it_is_about(
    event: Fields, reason: str, token_ids: tuple[str, ...]
) -> None:
    [unusable] = read(event)
    assert isinstance(unusable, Unusable)
    assert (unusable.reason, unusable.token_ids) == (reason, token_ids)
    assert unusable.market == ("" if "timestamp" in event and event["market"] is None else MARKET)
    assert unusable.of_book


def test_bytes_that_are_not_json_name_the_tokens_in_them() -> None:
    for damaged in (
        json.dumps(changed(entry()))[:-20],
        json.dumps(changed(entry())).replace('"0.5"', "NaN"),
        "\ufeff" + json.dumps(changed(entry())),
    ):
        [unusable] = read_events(damaged.encode())
        assert isinstance(unusable, Unusable)
        assert (unusable.reason, unusable.token_ids, unusable.market) == ("payload: shape", (), MARKET)
    assert read_events(b"\xff" + UP.encode())[0] == Unusable(
        "payload: shape", "neither JSON nor an object", (UP,)
    )


@pytest.mark.parametrize(
    "nothing",
    [
        b"PONG",
        b"INVALID OPERATION",
        b"[]\n",
        b"{",
        b"\xff",
        b"null",
        b"17",
        b'"x"',
        b'{"event_type":"halt"}',
        b"{}",
    ],
)
def test_what_names_nobody_is_nothing(nothing: bytes) -> None:
    assert read_events(nothing) == ()


def test_an_unusable_trade_says_nothing_against_the_book() -> None:
    unusable = unusable_of(trade() | {"price": "abc"})
    assert (unusable.reason, unusable.of_book) == ("last_trade_price: price", False)
    [found] = forms_and_rest(trade() | {"price": 0.5})[1]
    assert isinstance(found, LastTrade)


def test_an_unusable_event_voids_the_books_that_it_names_until_their_next_snapshots() -> None:
    books = Books()
    for token_id in (UP, DOWN):
        books.take(json.dumps(book(asset_id=token_id)).encode())
    books.take(json.dumps(changed(entry(price="abc"), entry(DOWN))).encode())
    assert (books.get(UP), books.get(DOWN) is not None) == (None, True)
    books.take(json.dumps(changed(entry())).encode())
    assert books.get(UP) is None
    books.take(json.dumps(book()).encode())
    assert books.get(UP) is not None
    books.take(json.dumps(without(changed(entry()), "price_changes")).encode())
    assert books.by_token == {}, "an event that names the market alone is about both its tokens"


@given(
    st.sampled_from([changed(entry(), entry(DOWN)), book(), trade()]),
    st.data(),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.lists(st.text(max_size=2), max_size=2),
)
def test_any_value_in_any_field_is_read_or_unusable_and_never_raises(
    event: Fields, data: st.DataObject, value: object
) -> None:
    field = data.draw(st.sampled_from(sorted(event)))
    read(event | {field: value})
    if "price_changes" in event:
        inner = data.draw(st.sampled_from(sorted(entry())))
        read(event | {"price_changes": [entry() | {inner: value}, entry(DOWN)]})
