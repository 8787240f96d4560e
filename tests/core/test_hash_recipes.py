"""Recipes that nobody knows are found or said to be unknown, and never make a right book look wrong."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from common.core.audit.heard import Heard
from common.core.audit.live import Audit
from common.core.recipes.account import RecipeAccount
from common.core.recipes.recipe import KNOWN_RECIPES
from common.core.recipes.trust import ProtocolTrust
from common.core.rows.reading import row_of
from common.core.status.disk_outlook import DiskOutlook
from common.core.status.health import warnings
from common.core.uploads.outlook import Upload
from tests.core.book_mutations import Mutation, added, mutations, removed, renamed
from tests.core.hash_follower import Follower
from tests.core.hash_world import Object, World, unchanged

V2: Mapping[str, Any] = {"told": {"version": "v2"}, "hashed_end": ("last_trade_price", "version")}
WITHOUT_V2 = tuple(recipe for recipe in KNOWN_RECIPES if "v2" not in recipe.protocols)
S = 1_000_000_000


def secret(book: Object) -> Object:
    """A key that is hashed and told nowhere."""
    return {**book, "salt": "secret"}


def worlds(count: int, changed: Mapping[str, Any] | None = None) -> list[World]:
    return [
        World(token=str(number) * 40, market=f"0x{number:02x}" + "ab" * 31, **(changed or {}))
        for number in range(1, count + 1)
    ]


def lose_one(follower: Follower) -> int:
    """How many divergences a lost change makes."""
    before = len(follower.divergences)
    follower.lose(follower.worlds[0])
    follower.go_on(8)
    return len(follower.divergences) - before


def test_the_search_finds_the_v2_recipe_from_frames_alone_and_uses_it() -> None:
    follower = Follower(World(**V2), known=WITHOUT_V2, rest=False)
    follower.open()
    follower.go_on()
    [found] = follower.audit.recipes.report()["v2"]
    [v2] = [recipe for recipe in KNOWN_RECIPES if "v2" in recipe.protocols]
    assert (found.keys, found.found_by) == (v2.keys, "search")
    assert (found.books_agreed, found.changes_agreed) == (1, 6)
    assert follower.audit.recipes.take_learned() == [
        {"protocol": "v2", "found_by": "search", "keys": v2.text}
    ]
    assert set(follower.counts()) == {"hash agree", "best agree"}
    assert lose_one(follower) == 1


def test_both_protocols_in_one_stream_are_proved_each_by_its_own_recipe() -> None:
    first, second = worlds(2)
    second.told, second.hashed_end = dict(V2["told"]), V2["hashed_end"]
    follower = Follower(first, second)
    follower.open()
    follower.go_on()
    report = follower.audit.recipes.report()
    assert {protocol: [each.recipe for each in proofs] for protocol, proofs in report.items()} == {
        "v1": ["2025-10"],
        "v2": ["2026-10"],
    }
    assert follower.reasons == set()
    assert lose_one(follower) == 1


@pytest.mark.parametrize("change", [added("x", -1), added(7, 3), removed("neg_risk"), renamed("tick_size")])
def test_a_recipe_that_differs_by_one_key_is_found_and_a_loss_still_shows(change: Mutation) -> None:
    follower = Follower(World(shows=change, shows_rest=change, hashes=change))
    follower.open()
    follower.go_on(16)
    [found] = follower.audit.recipes.report()["v1"]
    assert found.found_by == "search"
    assert follower.reasons == set()
    assert lose_one(follower) == 1


def test_a_successor_goes_on_with_what_was_found() -> None:
    follower = Follower(World(**V2), known=WITHOUT_V2)
    follower.open()
    follower.go_on()
    told = follower.audit.recipes.report()
    successor = RecipeAccount(WITHOUT_V2)
    successor.restore(told)
    assert successor.report() == told
    assert [recipe.keys for recipe in successor.to_try('"v2"')][:1] == [told["v2"][0].keys]
    assert successor.trust_of('"v2"').covers_changes


def test_while_a_recipe_is_unknown_nothing_diverges_and_it_is_said() -> None:
    follower = Follower(*worlds(3, {"hashes": secret, "told": {"fee": "3"}}))
    follower.open()
    follower.go_on(20)
    assert lose_one(follower) == 0
    assert follower.reasons == {"unknown hash recipe"}
    assert not [name for name in follower.counts() if name.startswith(("hash agree", "checkpoint agree"))]
    unknown = follower.audit.recipes.unknown()
    assert list(unknown) == ["v1"]
    assert "(new keys: fee)" in unknown["v1"]
    assert warnings(Upload(), DiskOutlook(), unknown) == (unknown["v1"],)
    for world in follower.worlds:
        world.hashes = unchanged
    follower.go_on(8)
    assert follower.audit.recipes.unknown() == {}
    assert lose_one(follower) == 1


def test_a_market_whose_recipe_nobody_knows_never_diverges_beside_others_that_agree() -> None:
    first, second, odd = worlds(3)
    odd.hashes = secret
    follower = Follower(first, second, odd)
    follower.open()
    follower.go_on(20)
    follower.lose(odd)
    follower.go_on(20)
    assert follower.divergences == []
    assert follower.reasons >= {"unknown hash recipe"}
    assert follower.audit.recipes.unknown() == {}
    assert lose_one(follower) == 1


def drop_a_key(world: World) -> None:
    world.hashes = removed("neg_risk")


def hash_a_new_key(world: World) -> None:
    world.told, world.hashed_end = {"fee": "3"}, ("last_trade_price", "fee")


def hash_a_secret(world: World) -> None:
    world.hashes = secret


@pytest.mark.parametrize(("change", "found"), [(drop_a_key, 1), (hash_a_new_key, 1), (hash_a_secret, 0)])
def test_a_recipe_that_changes_in_mid_session_is_no_divergence(
    change: Callable[[World], None], found: int
) -> None:
    follower = Follower(*worlds(3))
    follower.open()
    follower.go_on()
    for world in follower.worlds:
        change(world)
    follower.go_on(16)
    assert follower.divergences == []
    [newest, *_] = follower.audit.recipes.report()["v1"]
    assert (newest.found_by, newest.trusted) == (("search", True) if found else ("known", False))
    assert lose_one(follower) == found


def test_markets_that_lose_changes_together_diverge_once_a_hash_shows_that_the_recipe_holds() -> None:
    follower = Follower(*worlds(2))
    follower.open()
    follower.go_on()
    for world in follower.worlds:
        follower.lose(world)
    for _ in range(4):
        for world in follower.worlds:
            world.now_ms += 1000
            follower.hear(world.change("0.41", str(world.now_ms)), world.now_ms)
    assert follower.divergences == [], "the recipe may be another now"
    follower.checkpoint()
    for world in follower.worlds:
        follower.hear(world.change("0.41", "9"), world.now_ms)
    assert len(follower.divergences) == 2


def test_a_hashed_key_whose_value_changes_unseen_is_no_divergence() -> None:
    fee = [3]

    def with_fee(book: Object) -> Object:
        return added(fee[0], -1)(book)

    follower = Follower(World(shows=with_fee, shows_rest=with_fee, hashes=with_fee))
    follower.open()
    for each in range(3, 6):
        fee[0] = each
        follower.go_on(3)
    assert follower.counts()["hash agree"] > 3
    assert follower.divergences == []


def test_a_checkpoint_that_contradicts_its_hash_does_not_change_what_a_market_is_checked_with() -> None:
    follower = Follower(World())
    follower.open()
    follower.go_on()
    follower.worlds[0].shows_rest = lambda book: {**book, "min_order_size": "15"}
    follower.checkpoint()
    follower.go_on(8)
    assert follower.divergences == []
    assert follower.reasons == {"it contradicts its own hash"}
    assert lose_one(follower) == 1


def test_a_snapshot_that_shows_only_part_of_its_book_accuses_nobody() -> None:
    follower = Follower(World())
    follower.open()
    follower.go_on(3)
    [world] = follower.worlds
    world.shows = lambda book: {**book, "bids": book["bids"][-1:]}
    follower.refresh(world)
    follower.go_on(8)
    assert follower.divergences == []
    assert "unknown hash recipe" in follower.reasons


def test_a_loss_shows_nothing_before_the_first_change_that_agrees_with_the_recipe() -> None:
    def of_changes(change: Object) -> Object:
        [entry] = change["price_changes"]
        return {**change, "price_changes": [{**entry, "hash": entry["hash"][::-1]}]}

    follower = Follower(World())
    follower.open()
    [world] = follower.worlds
    for size in range(20):
        world.now_ms += 500
        follower.hear(of_changes(world.change("0.41", str(size))), world.now_ms)
    assert follower.divergences == []
    assert follower.reasons == {"unknown hash recipe"}


def test_a_hash_of_another_form_is_no_hash() -> None:
    follower = Follower(World())
    follower.open()
    follower.go_on()
    [world] = follower.worlds
    for size in range(20):
        world.now_ms += 500
        change = world.change("0.41", str(size))
        change["price_changes"][0]["hash"] += "!"
        follower.hear(change, world.now_ms)
    assert follower.divergences == []
    assert follower.reasons == {"no hash"}


def test_a_feed_is_not_proved_frozen_by_a_checkpoint_that_no_recipe_proves() -> None:
    frozen = {False: 0, True: 0}
    for is_known in frozen:
        world = World(hashes=unchanged if is_known else secret)
        audit = Audit(silence_ns=S)
        opening = json.dumps({**world.snapshot(), "event_type": "book"}).encode()
        audit.message(Heard("r", "s", 1, world.now_ms * 1_000_000), 0, opening)
        world.change("0.41", "3")
        row = {"record_type": "rest_checkpoint", "received_at_ns": 1}
        row |= {"response": {"raw_response_json": [world.rest()]}}
        audit.checkpoint(row_of(json.dumps(row).encode()), S)
        frozen[is_known] = len(audit.judge(60 * S, 60 * S))
    assert frozen == {False: 0, True: 1}


def test_searches_are_rare_where_nothing_is_found_and_new_keys_are_worth_one() -> None:
    trust = ProtocolTrust("v1")
    searched = sum(trust.may_search((), of_change=False) for _ in range(10_000))
    assert 10 < searched < 40
    assert trust.may_search(("fee",), of_change=False)
    assert not trust.may_search(("fee",), of_change=False)


def test_hostile_versions_and_keys_are_bounded() -> None:
    many = [World(told={"version": f"v{number}" * 50}, token=str(number)) for number in range(40)]
    follower = Follower(*many)
    follower.open()
    report = follower.audit.recipes.report()
    assert len(report) <= 9
    assert all(len(protocol) <= 16 for protocol in report)


MUTATIONS = dict(mutations())


@pytest.mark.parametrize("name", MUTATIONS)
def test_however_book_objects_change_no_right_book_is_called_wrong(name: str) -> None:
    change = MUTATIONS[name]
    for shown, over_rest, hashed in (
        (change, change, change),
        (change, change, unchanged),
        (change, unchanged, unchanged),
        (unchanged, change, change),
    ):
        version: Mapping[str, Any] = V2 if len(name) % 2 else {}
        changed = {"shows": shown, "shows_rest": over_rest, "hashes": hashed, **version}
        follower = Follower(*worlds(2, changed))
        follower.open()
        follower.go_on(6)
        counts = follower.counts()
        assert follower.divergences == []
        assert counts["hash agree"] or follower.reasons or not follower.audit.books
