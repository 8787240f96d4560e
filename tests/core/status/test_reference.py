from msgspec.structs import replace

from common.core.instants import utc_text
from common.core.status.reference import ReferenceState, is_up, reference_warnings

NOW_NS = 1_796_127_900_000_000_000
SECOND_NS = 1_000_000_000
WELL = ReferenceState(
    source="rtds",
    state="receiving",
    coins=("btc",),
    channels=("chainlink", "twap_sixty"),
    last_price_at_utc=None,
    silent_since_utc=None,
    quiet=(),
    last_error="",
    stated_at_utc=utc_text(NOW_NS),
    gaps=(),
)


def told(state: ReferenceState) -> str:
    return " ".join(reference_warnings([WELL, state], NOW_NS))


def since(seconds: int) -> str:
    return utc_text(NOW_NS - seconds * SECOND_NS)


def test_prices_that_come_are_worth_no_word() -> None:
    assert reference_warnings([WELL], NOW_NS) == ()
    assert is_up(WELL)


def test_a_silence_is_told_after_a_minute_with_its_reason() -> None:
    state = replace(WELL, silent_since_utc=since(59), state="reconnecting", last_error="wss://x: refused")
    assert told(state) == ""
    assert not is_up(state)
    words = told(replace(state, silent_since_utc=since(61)))
    assert words.startswith("reference prices of rtds: none for ")
    assert words.endswith(" (wss://x: refused); books are recorded")


def test_a_coin_that_is_quiet_is_named_with_its_channel() -> None:
    state = replace(WELL, quiet=("sol twap_sixty",))
    assert told(state) == "reference prices of rtds: nothing comes of sol twap_sixty"
    assert not is_up(state)


def test_a_process_that_has_died_is_told_before_anything_that_it_stated() -> None:
    state = replace(WELL, stated_at_utc=since(120), quiet=("sol twap_sixty",))
    assert told(state).startswith("reference prices of rtds: their process has said nothing for ")


def test_what_the_process_complains_of_is_a_warning() -> None:
    assert told(replace(WELL, trouble=("no room", "more"))) == "reference prices of rtds: no room"
