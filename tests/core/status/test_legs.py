from common.core.instants import NS_PER_SECOND, utc_text
from common.core.problems import Problem
from common.core.rows.origin import LEGS
from common.core.run_state import ReaderState
from common.core.status.health import Wait
from common.core.status.legs import LegReader, LegState, leg_states, leg_warnings, of_one_leg, uncovered

START, DATA = 1000 * NS_PER_SECOND, 2000 * NS_PER_SECOND


def reader(state: ReaderState, *, data_ns: int = DATA, silent_s: float = 0) -> LegReader:
    return LegReader(state, 4 if state == "receiving" else 0, data_ns, silent_s)


def states(**readers: LegReader) -> tuple[LegState, ...]:
    named = {f"ws_reader-{name[1:]}": each for name, each in readers.items()}
    return leg_states(named, legs=2, started_at_ns=START)


def wait(name: str, quiet_s: float = 0, silent_s: float = 0) -> Wait:
    return Wait(name, had_data=True, quiet_s=quiet_s, silent_s=silent_s, away_s=quiet_s)


def test_a_leg_is_up_while_each_of_its_readers_that_has_tokens_receives() -> None:
    a, b = states(_0a=reader("receiving"), _1a=reader("no_tokens"), _0b=reader("receiving"))
    assert [a, b] == [LegState(leg, up=True, tokens=4, down_since_utc=None) for leg in LEGS]
    a, b = states(_0a=reader("receiving"), _0b=reader("receiving"), _1b=reader("reconnecting"))
    assert a.up
    assert (b.up, b.tokens, b.down_since_utc) == (False, 4, utc_text(DATA))


def test_a_leg_that_never_received_is_down_since_the_run_began_and_one_that_hangs_since_its_last_data() -> (
    None
):
    a, b = states(_0a=reader("receiving", silent_s=31), _0b=reader("connecting", data_ns=0))
    assert (a.down_since_utc, b.down_since_utc) == (utc_text(DATA), utc_text(START))
    assert states(_0a=reader("receiving"))[1].down_since_utc == utc_text(START)
    assert leg_warnings((a, b)) == (), "that nothing is recorded is told by health"


def test_one_leg_of_two_that_is_down_is_a_warning() -> None:
    legs = states(_0a=reader("receiving"), _0b=reader("reconnecting"))
    assert leg_warnings(legs) == (f"recording on one leg since {utc_text(DATA)}: leg b is down",)
    alone = leg_states({"ws_reader-0": reader("reconnecting")}, legs=1, started_at_ns=START)
    assert [leg.leg for leg in alone] == ["a"]
    assert leg_warnings(alone) == ()


def test_health_is_judged_by_the_other_leg_while_that_is_well() -> None:
    well, late = wait("ws_reader-0a"), wait("ws_reader-0b", quiet_s=60)
    assert uncovered([well, late]) == [well]
    hangs = wait("ws_reader-1a", silent_s=31)
    assert uncovered([well, hangs, late]) == [well, hangs, late], "either leg lacks something"
    assert uncovered([wait("ws_reader-0", quiet_s=60)]) == [wait("ws_reader-0", quiet_s=60)]


def test_a_problem_of_one_leg_is_a_warning_while_the_other_is_up_and_has_none_like_it() -> None:
    missing = Problem("books_missing", "no book of m", utc_text(DATA), "m")
    legs = states(_0a=reader("receiving"), _0b=reader("receiving"))
    found = of_one_leg({"ws_reader-0b": [missing], "discovery": [missing]}, legs)
    assert found == [missing]
    assert leg_warnings(legs, found) == ("on one leg: no book of m",)
    assert of_one_leg({"ws_reader-0b": [missing], "ws_reader-0a": [missing]}, legs) == []
    down = states(_0a=reader("reconnecting"), _0b=reader("receiving"))
    assert of_one_leg({"ws_reader-0b": [missing]}, down) == []
    alone = leg_states({"ws_reader-0": reader("receiving")}, legs=1, started_at_ns=START)
    assert of_one_leg({"ws_reader-0": [missing]}, alone) == []
