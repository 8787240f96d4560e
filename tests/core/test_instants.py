import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.core.instants import NS_PER_SECOND, compact_utc_text, parse_utc_ns, utc_text

NOON = 1_795_435_200 * NS_PER_SECOND


def test_an_instant_is_shown_with_microseconds_cut_and_never_rounded_up() -> None:
    assert utc_text(NOON + 123_456_999) == "2026-11-23T12:00:00.123456Z"
    assert utc_text(NOON + NS_PER_SECOND - 1) == "2026-11-23T12:00:00.999999Z"
    assert utc_text(-1) == "1969-12-31T23:59:59.999999Z"


def test_the_compact_form_has_no_character_that_a_file_name_may_not_have() -> None:
    assert compact_utc_text(NOON + 999_999_999) == "20261123T120000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23 12:00:00+00",
        "2026-11-23T12:00:00",
        "2026-11-23T14:00:00+02:00",
        "2026-11-23T12:00:00.000000Z",
    ],
)
def test_every_spelling_of_an_instant_is_understood(text: str) -> None:
    assert parse_utc_ns(text) == NOON


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "1795435200"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_utc_ns(text)


@given(st.integers(min_value=0, max_value=4 * 10**18))
def test_to_the_microsecond_an_instant_comes_back_as_it_was(epoch_ns: int) -> None:
    assert parse_utc_ns(utc_text(epoch_ns)) == epoch_ns // 1000 * 1000


@given(st.integers(0, 4 * 10**18), st.integers(0, 4 * 10**18))
def test_the_order_of_texts_is_the_order_of_instants(one: int, other: int) -> None:
    assert (utc_text(one) <= utc_text(other)) is (one // 1000 <= other // 1000)
