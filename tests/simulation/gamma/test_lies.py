"""What Gamma can get wrong, answer by answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.simulation.faults.catalogue import Fault, ListingKind, fault_from
from common.simulation.gamma.endpoints import Gamma, Kind, LastPageError
from common.simulation.gamma.lies import Lies
from common.simulation.gamma.query import Query
from common.simulation.markets.listing import Listing, Protocols
from common.simulation.markets.model import MarketModel
from tests.simulation.markets.test_model import NOW_MS

NOW_S = NOW_MS / 1000
BITCOIN = {"tag_slug": ["bitcoin"], "closed": ["false"], "limit": ["100"], "order": ["endDate"]}
Document = dict[str, Any]


def model_of(protocol: Protocols = "mixed") -> MarketModel:
    return MarketModel(1, 300, NOW_MS, protocols=protocol)


def listed(
    model: MarketModel, *faults: Fault, kind: Kind = "markets", query: Query = BITCOIN
) -> list[Document]:
    """Every object of a list, page by page, each page with the same faults."""
    gamma = Gamma(model, NOW_S, Lies(faults))
    found: list[Document] = []
    more: dict[str, list[str]] = {}
    while True:
        page = gamma.page(kind, {**query, **more})
        found += page[kind]
        if "next_cursor" not in page:
            return found
        more = {"after_cursor": [page["next_cursor"]]}


def lie(kind: ListingKind, **values: str | int) -> Fault:
    return fault_from({"name": "listing", "kind": kind, **values})


def live(model: MarketModel, protocol: str = "v1") -> Listing:
    return next(
        one
        for one in model.calendar.by_slug.values()
        if one.slug.startswith("btc") and one.protocol == protocol and (one.start or 0) > NOW_S
    )


def by_slug(model: MarketModel, slug: str, *faults: Fault) -> Document:
    found = Gamma(model, NOW_S, Lies(faults)).by_slug("markets", slug)
    assert found is not None
    return found


def test_a_list_can_be_empty_and_still_be_a_good_answer() -> None:
    for kind in ("markets", "events"):
        assert Gamma(model_of(), NOW_S, Lies([lie("empty")])).page(kind, BITCOIN) == {kind: []}


def test_a_market_can_be_missing_from_lists_and_be_found_by_its_slug() -> None:
    model = model_of()
    slug = live(model).slug
    whole = listed(model)
    for kind in ("markets", "events"):
        assert slug not in {one["slug"] for one in listed(model, lie("missing", slug=slug), kind=kind)}
    assert len(listed(model, lie("missing", slug=slug))) == len(whole) - 1
    assert by_slug(model, slug, lie("missing", slug=slug))["slug"] == slug
    team = "will-team-7-win-the-cup"
    sports = {"tag_slug": ["sports"]}
    [cup] = [
        one
        for one in listed(model, lie("missing", slug=team), kind="events", query=sports)
        if one["slug"] == "cup-winner"
    ]
    assert len(cup["markets"]) == 19


@pytest.mark.parametrize(
    ("kind", "is_spoilt"),
    [
        ("closed", lambda shown: shown["closed"] is True),
        ("inactive", lambda shown: shown["active"] is False),
        ("bad_dates", lambda shown: shown["endDate"] == shown["eventStartTime"] == "2026-13-45T99:00"),
        ("no_ids", lambda shown: not shown.get("positionIds", json.loads(shown["clobTokenIds"] or "[]"))),
        ("bad_ids", lambda shown: shown.get("positionIds", ["12 34"])[0] == "12 34"),
    ],
)
@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_one_market_is_told_wrongly_in_lists_and_by_its_slug_where_that_is_asked_for(
    kind: ListingKind, is_spoilt: Callable[[Document], bool], protocol: str
) -> None:
    model = model_of()
    slug = live(model, protocol).slug
    shown = {one["slug"]: one for one in listed(model, lie(kind, slug=slug))}
    right = {one["slug"]: one for one in listed(model)}
    assert is_spoilt(shown[slug])
    assert shown.keys() == right.keys()
    assert [name for name in right if shown[name] != right[name]] == [slug]
    assert by_slug(model, slug, lie(kind, slug=slug)) == right[slug]
    spoilt = by_slug(model, slug, lie(kind, slug=slug, by_slug=True))
    assert is_spoilt(spoilt)


def test_ids_that_are_malformed_are_no_json_in_v1() -> None:
    model = model_of("v1")
    with pytest.raises(json.JSONDecodeError):
        json.loads(listed(model, lie("bad_ids"))[0]["clobTokenIds"])


@pytest.mark.parametrize("tag", ["bitcoin", "btc-up-or-down-5m"])
def test_a_tag_or_a_series_can_be_lost(tag: str) -> None:
    model = model_of()
    query = {"tag_slug": ["bitcoin"]} if tag == "bitcoin" else {"series_id": ["10684"]}
    assert listed(model, query=query) != []
    for kind in ("markets", "events"):
        assert listed(model, lie("lost_tag", tag=tag), kind=kind, query=query) == []
    others = {"slug": [live(model).event.slug]}
    [event] = listed(model, lie("lost_tag", tag=tag), kind="events", query=others)
    assert tag not in json.dumps([event["tags"], event.get("series", [])])
    names = {one["slug"] for one in Gamma(model, NOW_S, Lies([lie("lost_tag", tag=tag)])).series({})}
    assert (tag in names) is False
    assert len(names) == (6 if tag == "bitcoin" else 5)


def test_a_tag_can_be_lost_by_one_market_alone() -> None:
    model = model_of()
    slug = live(model).slug
    assert len(listed(model, lie("lost_tag", tag="bitcoin", slug=slug))) == len(listed(model)) - 1


def test_the_same_page_can_come_again_and_again() -> None:
    gamma = Gamma(model_of(), NOW_S, Lies([lie("same_page")]))
    one = gamma.page("markets", BITCOIN)
    assert gamma.page("markets", {**BITCOIN, "after_cursor": [one["next_cursor"]]}) == one


def test_the_last_page_can_fail_alone() -> None:
    model = model_of()
    gamma = Gamma(model, NOW_S, Lies([lie("last_page_fails", status=502)]))
    full_pages = len(listed(model)) // 100
    cursor = ""
    for _ in range(full_pages):
        page = gamma.page("markets", {**BITCOIN, "after_cursor": [cursor]})
        assert len(page["markets"]) == 100
        cursor = page["next_cursor"]
    with pytest.raises(LastPageError, match="502"):
        gamma.page("markets", {**BITCOIN, "after_cursor": [cursor]})
    assert gamma.page("markets", {"slug": [live(model).slug]})["markets"], (
        "a single page is not the last of several"
    )


def test_a_list_can_come_the_wrong_way_round() -> None:
    model = model_of()
    assert listed(model, lie("wrong_order")) == listed(model)[::-1]


@pytest.mark.parametrize("field", ["outcomeTokenIds", "positionIds", "clobTokenIds"])
def test_a_market_can_be_of_a_protocol_that_does_not_exist_yet(field: str) -> None:
    model = model_of()
    for listing in (live(model, "v1"), live(model, "v2")):
        for shown in (
            by_slug(model, listing.slug, lie("version", slug=listing.slug, field=field)),
            next(one for one in listed(model, lie("version", field=field)) if one["slug"] == listing.slug),
        ):
            assert shown["version"] == "v3"
            said = shown[field]
            assert tuple(json.loads(said) if isinstance(said, str) else said) == listing.token_ids
            others = {"positionIds", "clobTokenIds"} - {field}
            assert all(shown.get(name) is None for name in others)


def test_both_id_fields_can_be_filled_and_only_one_has_books() -> None:
    model = model_of()
    for shown in listed(model, lie("both_ids")):
        fields = {"v1": json.loads(shown["clobTokenIds"]), "v2": shown["positionIds"]}
        for version, token_ids in fields.items():
            has_books = version == shown["version"]
            assert all((token_id in model.calendar.by_token) == has_books for token_id in token_ids)


@pytest.mark.parametrize("digits", [62, 63, 64])
def test_a_v2_condition_id_has_any_width(digits: int) -> None:
    model = model_of("v2")
    for shown in listed(model, lie("hex", digits=digits)):
        assert len(shown["conditionId"]) == 2 + digits
        listing = model.calendar.by_slug[shown["slug"]]
        assert shown["conditionId"].ljust(66, "0") == listing.condition_id
    asked = {"condition_ids": [shown["conditionId"]]}
    assert len(listed(model, lie("hex", digits=digits), query=asked)) == 1
    assert len(listed(model, query=asked)) == (1 if digits == 62 else 0)
