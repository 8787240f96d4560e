import hashlib
import json

import pytest

from common.errors import ConfigError
from common.simulation.faults.catalogue import Fault, Place, fault_from, parse_fault
from common.simulation.faults.mutations import Document, Mutation, mutate, mutated_text
from common.simulation.faults.shapes import Shapes
from common.simulation.gamma.objects import GammaObjects
from common.simulation.markets.frames import opening_book
from common.simulation.markets.listing import Protocols
from common.simulation.markets.model import MarketModel
from tests.simulation.client import recipe
from tests.simulation.faults.every_mutation import every_mutation, key_paths
from tests.simulation.markets.test_model import NOW_MS, current

BOOK: Document = {"market": "0x1", "bids": [{"price": "0.1", "size": "5"}], "last": "0.5", "neg_risk": False}


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("mutation", "keys"),
    [
        (Mutation("rename", "bids", to="buys"), ["market", "buys", "last", "neg_risk"]),
        (Mutation("move", "market"), ["bids", "last", "neg_risk", "market"]),
        (Mutation("move", "neg_risk", before="bids"), ["market", "neg_risk", "bids", "last"]),
        (Mutation("move", "last", to="details"), ["market", "bids", "neg_risk", "details"]),
        (Mutation("add", "fee", value="1"), ["market", "bids", "last", "neg_risk", "fee"]),
        (Mutation("add", "fee", value="1", before="last"), ["market", "bids", "fee", "last", "neg_risk"]),
        (Mutation("add", "last", value='"0.6"'), ["market", "bids", "last", "neg_risk"]),
        (Mutation("remove", "last"), ["market", "bids", "neg_risk"]),
        (Mutation("remove", "nothing.at.all"), ["market", "bids", "last", "neg_risk"]),
    ],
)
def test_a_mutation_changes_one_key_and_its_place(mutation: Mutation, keys: list[str]) -> None:
    before = json.dumps(BOOK)
    assert list(mutate(BOOK, mutation)) == keys
    assert json.dumps(BOOK) == before, "the original stays"


def test_a_star_reaches_every_element_of_a_list() -> None:
    document = {"changes": [{"hash": "a"}, {"hash": "b"}, 3]}
    assert mutate(document, Mutation("remove", "changes.*.hash")) == {"changes": [{}, {}, 3]}
    added = mutate(document, Mutation("add", "changes.*.version", value='"v2"'))
    assert added["changes"][1] == {"hash": "b", "version": "v2"}


@pytest.mark.parametrize(
    ("value", "to", "becomes"),
    [
        ("5", "number", 5),
        ("0.5", "number", 0.5),
        ("", "number", ""),
        (5, "text", "5"),
        (False, "text", "false"),
        ('["1","2"]', "list", ["1", "2"]),
        ("5", "list", ["5"]),
        (["1", "2"], "json_text", '["1", "2"]'),
        ("5", "object", {"value": "5"}),
        ("5", "null", None),
    ],
)
def test_a_value_gets_another_type(value: object, to: str, becomes: object) -> None:
    assert mutate({"key": value}, Mutation("retype", "key", to=to)) == {"key": becomes}


def test_a_mutation_that_makes_no_sense_is_refused_by_its_field() -> None:
    for wrong, named in (
        (Mutation("rename", "a"), "to="),
        (Mutation("retype", "a", to="colour"), "colour"),
        (Mutation("add", "a", value="{"), "JSON"),
        (Mutation("add", "a..b"), "path"),
    ):
        with pytest.raises(ConfigError, match=named):
            wrong.check()
    with pytest.raises(ConfigError, match="where"):
        fault_from({"name": "mutate", "path": "a"})
    with pytest.raises(ConfigError, match="only books"):
        parse_fault("mutate", ["where=market", "path=a", "hashed=true"])


def test_without_mutations_a_text_stays_byte_for_byte() -> None:
    assert mutated_text('{"a": 1,  "b":2}', ()) == '{"a": 1,  "b":2}'


def test_there_are_more_than_two_hundred_mutations_of_what_the_exchange_says() -> None:
    model = MarketModel(1, 300, NOW_MS)
    market = current(model)
    shown = GammaObjects(model).market(market.listing, NOW_MS / 1000)
    found = list(every_mutation(shown)) + list(every_mutation(json.loads(opening_book(market.book, 0))))
    assert len(found) > 300
    assert {"events.*.slug", "events.*.series.*.id", "clobTokenIds"} <= set(key_paths(shown))
    for mutation in found:
        mutation.check()


def shaped(*faults: Fault, protocols: Protocols = "v1") -> tuple[MarketModel, Document]:
    """A model with these mutations, and the REST book of its current market."""
    model = MarketModel(1, 300, NOW_MS, protocols=protocols)
    market = current(model)
    model.set_shapes(faults)
    text = market.book.body(0, market.book.hash(0))
    shapes = model.shapes.of("rest_book", market.listing.slug, market.listing.token_ids[0])
    return model, json.loads(mutated_text(text, shapes))


def test_a_change_of_the_recipe_enters_the_hash_over_the_changed_body() -> None:
    fault = Fault("mutate", where="book", path="version", value='"v1"', hashed=True)
    _, shown = shaped(fault)
    assert list(shown)[-1] == "version"
    assert shown["hash"] == recipe(shown)
    _, plain = shaped()
    assert shown["hash"] != plain["hash"] == recipe(plain)


def test_a_change_enters_the_hash_only_where_it_is_told_to() -> None:
    for hashed in (True, False):
        fault = Fault("mutate", where="book", change="rename", path="tick_size", to="tick", hashed=hashed)
        _, shown = shaped(fault, protocols="v2")
        text = json.dumps({**shown, "hash": ""}, separators=(",", ":"))
        assert (shown["hash"] == sha1(text)) is hashed
        restored = text.replace('"tick":', '"tick_size":')
        assert (shown["hash"] == sha1(restored)) is not hashed


def test_a_mutation_may_be_of_one_market_or_token_alone_and_ends_when_taken_off() -> None:
    model = MarketModel(1, 300, NOW_MS)
    one, other = current(model), current(model, "eth")
    token = one.listing.token_ids[1]
    before = [market.book.hash(leg) for market in (one, other) for leg in (0, 1)]

    def changed() -> list[bool]:
        now = [market.book.hash(leg) for market in (one, other) for leg in (0, 1)]
        return [was != is_now for was, is_now in zip(before, now, strict=True)]

    model.set_shapes([Fault("mutate", where="book", path="x", hashed=True, slug=one.listing.slug)])
    assert changed() == [True, True, False, False]
    model.set_shapes([Fault("mutate", where="book", path="x", hashed=True, token=token)])
    assert changed() == [False, True, False, False]
    model.set_shapes([])
    assert changed() == [False] * 4


def test_objects_of_gamma_change_wherever_they_stand() -> None:
    model = MarketModel(1, 300, NOW_MS)
    market, event = current(model).listing, current(model).listing.event
    model.set_shapes(
        [
            Fault("mutate", where="market", change="rename", path="clobTokenIds", to="tokens"),
            Fault("mutate", where="event", change="remove", path="series", slug=event.slug),
        ]
    )
    objects = GammaObjects(model)
    shown, around = objects.market(market, NOW_MS / 1000), objects.event(event, NOW_MS / 1000)
    assert "tokens" in shown
    assert "tokens" in around["markets"][0]
    assert "series" not in shown["events"][0]
    assert "series" not in around
    assert "series" in objects.event(current(model, "eth").listing.event, NOW_MS / 1000)


def test_books_change_over_rest_or_over_the_websocket_or_over_both() -> None:
    shapes = Shapes()
    places: tuple[Place, ...] = ("book", "rest_book", "ws_book", "price_change")
    shapes.set([Fault("mutate", where=place, path=place) for place in places])
    assert [one.path for one in shapes.of("rest_book")] == ["book", "rest_book"]
    assert [one.path for one in shapes.of("ws_book")] == ["book", "ws_book"]
    assert [one.path for one in shapes.of("price_change")] == ["price_change"]
