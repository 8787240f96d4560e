import json
from typing import Any

import pytest

from common.core.discovery.outcome_ids import NoIdsYetError, OutcomeIds, UnreadableError, read_outcome_ids

V1 = ["1" * 77, "2" * 77]
V2 = ["663574927012476832975694178961957910328055987427402067619466963999000625152", "3" * 75]
NAMES = '["Up", "Down"]'


def read(**raw: object) -> OutcomeIds:
    return read_outcome_ids({"outcomes": NAMES, **raw})


def ids(**raw: object) -> list[str]:
    return [token_id for token_id, _ in read(**raw).tokens]


def test_v1_reads_its_own_field_and_v2_its_own_even_when_both_are_there() -> None:
    both: dict[str, object] = {"clobTokenIds": json.dumps(V1), "positionIds": V2}
    first = read(version="v1", **both)
    assert (first.tokens, first.protocol) == (((V1[0], "Up"), (V1[1], "Down")), "v1")
    second = read(version="v2", **both)
    assert (second.tokens, second.protocol) == (((V2[0], "Up"), (V2[1], "Down")), "v2")
    assert first.oddities == second.oddities == ()


def test_without_a_version_it_is_v1_unless_the_object_shows_otherwise() -> None:
    assert ids(clobTokenIds=V1) == ids(clobTokenIds=V1, version=None) == V1
    assert read(clobTokenIds=V1).oddities == ()
    both = read(clobTokenIds=V1, positionIds=V2, conditionId="0x" + "a" * 64)
    assert ([each for each, _ in both.tokens], both.protocol) == (V1, "v1")
    assert [each.field for each in both.oddities] == ["version"]
    short = read(clobTokenIds=V1, positionIds=V2, conditionId="0x" + "a" * 62)
    assert ([each for each, _ in short.tokens], short.protocol) == (V2, "v2")
    only = read(positionIds=V2)
    assert ([each for each, _ in only.tokens], only.protocol) == (V2, "v2")


@pytest.mark.parametrize(
    "form",
    [
        V1,
        json.dumps(V1),
        json.dumps(json.dumps(V1)),
        [int(each) for each in V1],
        f"[{V1[0]}, {V1[1]}]",
        ", ".join(V1),
        [f" {each} " for each in V1],
        [{"token_id": each, "price": 0.5} for each in V1],
    ],
)
def test_ids_mean_the_same_in_every_form(form: object) -> None:
    found = read(version="v1", clobTokenIds=form)
    assert [each for each, _ in found.tokens] == V1
    assert found.oddities == ()
    assert ids(version="v2", positionIds=form) == V1


@pytest.mark.parametrize("version", ["V1", "1", 1, " v1 "])
def test_a_version_is_read_in_every_form(version: object) -> None:
    assert (read(version=version, clobTokenIds=V1).protocol, ids(version=version, clobTokenIds=V1)) == (
        "v1",
        V1,
    )


@pytest.mark.parametrize("name", ["clob_token_ids", "CLOBTokenIDs", "clobtokenids"])
def test_another_spelling_is_the_same_field(name: str) -> None:
    found = read(version="v1", **{name: V1})
    assert ([each for each, _ in found.tokens], found.oddities) == (V1, ())


@pytest.mark.parametrize(
    "place", [{"outcomeIds": V2}, {"ids": {"of": {"outcomes": V2}}}, {"tokens": json.dumps(V2)}]
)
def test_ids_in_a_place_nobody_has_heard_of_are_found_and_the_field_is_named(place: dict[str, Any]) -> None:
    for version, field in (("v3", "version"), ("v2", "positionIds")):
        found = read(version=version, **place)
        assert [each for each, _ in found.tokens] == V2
        assert [each.field for each in found.oddities] == [field]
        assert found.protocol == version


def test_a_v2_market_never_takes_the_ids_of_v1() -> None:
    with pytest.raises(UnreadableError) as caught:
        read(version="v2", clobTokenIds=V1)
    assert caught.value.field == "positionIds"
    assert ids(version="v2", clobTokenIds=V1, newIds=V2) == V2


def test_of_an_unknown_version_every_list_that_may_be_its_ids_is_taken() -> None:
    assert ids(version="v3", clobTokenIds=V1, positionIds=V2) == [*V2, *V1]


@pytest.mark.parametrize("nothing", [None, "", [], "[]"])
def test_a_field_without_ids_is_told_from_one_with_odd_ids(nothing: object) -> None:
    for version, field in (("v1", "clobTokenIds"), ("v2", "positionIds")):
        with pytest.raises(NoIdsYetError) as caught:
            read(version=version, **{field: nothing})
        assert caught.value.field == field
    with pytest.raises(UnreadableError) as odd:
        read(version="v1", clobTokenIds=["not", "ids"])
    assert not isinstance(odd.value, NoIdsYetError)


def test_prices_are_no_ids() -> None:
    with pytest.raises(UnreadableError):
        read(version="v3", outcomePrices='["0.5", "0.5"]', volumes=[12345, 67890], sizes=["1", "2"])


def test_any_names_in_any_script_and_any_number_of_outcomes() -> None:
    names = ["Åland", "東京", "👍🏽"]
    three = ["1" * 70, "2" * 70, "3" * 70]
    found = read_outcome_ids({"version": "v1", "clobTokenIds": three, "outcomes": names})
    assert [name for _, name in found.tokens] == names
    assert read_outcome_ids({"clobTokenIds": V1, "outcomes": ["a\x1b[2J", "b\ud800"]}).tokens == (
        (V1[0], "a?[2J"),
        (V1[1], "b?"),
    )


def test_without_names_the_outcomes_are_numbered() -> None:
    found = read_outcome_ids({"clobTokenIds": V1})
    assert [name for _, name in found.tokens] == ["Outcome 1", "Outcome 2"]
    assert [each.field for each in found.oddities] == ["outcomes"]
