"""Every small change of Gamma's objects: what can be read is taken with the right ids, and the rest is said."""

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from common.core.discovery.event_object import markets_of_event
from common.core.discovery.offers import Offer
from common.core.discovery.selection import Rules, Selection, select_markets
from common.core.discovery.wanted_markets import wanted_markets
from common.simulation.faults.mutations import Document, Mutation, mutate
from common.simulation.gamma.objects import GammaObjects
from common.simulation.markets.listing import Listing
from common.simulation.markets.model import MarketModel
from tests.simulation.faults.every_mutation import every_mutation

NOW_S = 1_795_435_860  # a minute after windows of every length have begun
SERIES = ("btc-up-or-down-5m", "btc-up-or-down-15m", "eth-up-or-down-5m", "eth-up-or-down-15m")
RULES = Rules(wanted_markets(SERIES, ("any",), ("named",), ()), 600, 180)
MODEL = MarketModel(1, 300, NOW_S * 1000)
OBJECTS = GammaObjects(MODEL)
CLOSING = {"closed", "active", "enableOrderBook", "closedTime"}
LEAST = 200


def current_windows() -> list[Listing]:
    """A live window of each protocol and form: v2 ones with and without the ids of v1 beside theirs."""
    live = [
        listing
        for listing in MODEL.calendar.by_slug.values()
        if listing.window
        and listing.window[0] <= NOW_S < listing.window[1]
        and listing.slug[:3] in {"btc", "eth"}
    ]
    forms: dict[tuple[str, bool], Listing] = {}
    for listing in live:
        shown = OBJECTS.market(listing, NOW_S)
        forms.setdefault((shown["version"], bool(shown.get("clobTokenIds"))), listing)
    return list(forms.values())


def questions() -> list[Listing]:
    """Markets without a window: one of each protocol."""
    standing = [listing for listing in MODEL.calendar.by_slug.values() if not listing.window]
    return list({listing.protocol: listing for listing in standing}.values())


def selected(offers: Iterable[Offer]) -> Selection:
    return select_markets(offers, nows=(NOW_S * 10**9,), rules=RULES)


def fate(listing: Listing, found: Selection) -> str:
    """What became of a market that is open: recorded, said, or lost in silence."""
    for market in found.markets:
        if set(listing.token_ids) <= {token.token_id for token in market.tokens}:
            return "recorded"
    if found.unreadable:
        return "said"
    return f"lost: {[candidate.reason for candidate in found.candidates]}, {found.markets}"


def offers_of(document: Document, listing: Listing) -> Iterator[list[Offer]]:
    """As it comes for its series, in a listing of everything, and for a tag."""
    if listing.event.series is not None:
        yield [Offer(document, f"series {listing.event.series.slug}")]
        yield [Offer(document)]
    yield [Offer(document, "tag any")]


def closes(mutation: Mutation) -> bool:
    """Whether the change itself says that the market is over: then it is not to be recorded."""
    return mutation.path in CLOSING and mutation.change in {"add", "retype"}


@pytest.mark.unmeasured(here=True)
@pytest.mark.parametrize("listing", [*current_windows(), *questions()], ids=lambda listing: listing.slug)
def test_no_change_of_a_market_loses_it_in_silence(listing: Listing) -> None:
    shown = OBJECTS.market(listing, NOW_S)
    fates: Counter[str] = Counter()
    for mutation in every_mutation(shown):
        changed = mutate(shown, mutation)
        for offers in offers_of(changed, listing):
            found = fate(listing, selected(offers))
            assert not found.startswith("lost") or closes(mutation), (mutation, found)
            fates[found.partition(":")[0]] += 1
    assert fates["recorded"] + fates["said"] > LEAST
    assert fates["said"] < fates["recorded"] / 5, "most changes cost nothing"


def with_few_markets(event: Document, listing: Listing) -> Document:
    """The event with that market and one beside it: the others would be read again for each change."""
    markets = sorted(event["markets"], key=lambda market: market["slug"] != listing.slug)
    return {**event, "markets": markets[:2]}


@pytest.mark.unmeasured(here=True)
@pytest.mark.parametrize("listing", [*current_windows(), *questions()], ids=lambda listing: listing.slug)
def test_no_change_of_an_event_loses_its_markets_in_silence(listing: Listing) -> None:
    shown = with_few_markets(OBJECTS.event(listing.event, NOW_S), listing)
    count = 0
    for mutation in every_mutation(shown):
        count += 1
        markets = markets_of_event(mutate(shown, mutation))
        if markets is None:
            continue  # said as an event without a list of markets
        found = fate(listing, selected(Offer(raw, "event named") for raw in markets))
        key = mutation.path.rpartition(".")[2]
        assert not found.startswith("lost") or key in CLOSING, (mutation, found)
    assert count > LEAST / 2


def test_the_objects_that_are_changed_are_of_both_protocols_in_all_their_forms() -> None:
    shown = [OBJECTS.market(listing, NOW_S) for listing in current_windows()]
    forms = {(one["version"], bool(one.get("clobTokenIds"))) for one in shown}
    assert forms == {("v1", True), ("v2", True), ("v2", False)}
    assert {OBJECTS.market(listing, NOW_S)["version"] for listing in questions()} == {
        "v1",
        "v2",
    }
