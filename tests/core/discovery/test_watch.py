import msgspec

from common.core.discovery.watch import KINDS, DiscoveryWatch, Reasons
from common.core.instants import NS_PER_SECOND
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Finding, Market
from common.core.problems import ProblemKind
from tests.core.discovery.test_selection import NOON, TAG, gamma_market, question, selection

S = NS_PER_SECOND
FIVE = "btc-up-or-down-5m"


def found(*markets: Market, **changes: object) -> DiscoveryFile:
    file = DiscoveryFile(DISCOVERY_SCHEMA_VERSION, "2026-11-23T12:00:00Z", "gamma", (FIVE,), markets, ())
    return msgspec.structs.replace(file, series_known=(FIVE,), **changes)


def windows(*starts_s: int) -> tuple[Market, ...]:
    return selection(*(gamma_market(start_s) for start_s in starts_s)).markets


def watch(limit: int = 0, lookahead_seconds: float = 600) -> DiscoveryWatch:
    return DiscoveryWatch(lookahead_seconds=lookahead_seconds, market_limit=limit)


def held(watched: DiscoveryWatch, at_s: float) -> dict[ProblemKind, Reasons]:
    """What is wrong so many seconds after noon, without the kinds of which nothing is."""
    problems = watched.problems(int(at_s * S), NOON + int(at_s * S))
    assert set(problems) == set(KINDS), "a kind of which nothing is wrong any more is ended"
    return {kind: reasons for kind, reasons in problems.items() if reasons}


def test_a_window_that_runs_out_without_a_next_one_is_said_at_that_moment() -> None:
    watched = watch()
    watched.succeeded(found(*windows(0, 300)), {})
    assert held(watched, 0) == held(watched, 599) == {}
    [reason] = held(watched, 600)["window_not_recorded"].values()
    assert "it must be btc-updown-5m-" in reason
    assert "Gamma does not list it" in reason


def test_what_gamma_said_of_the_missing_window_is_said() -> None:
    watched = watch()
    slug = windows(300)[0].slug
    watched.succeeded(found(*windows(0)), {slug: "closed: settled tokens have no book"})
    assert held(watched, 300)["window_not_recorded"][slug].endswith("closed: settled tokens have no book")


def test_a_window_is_missed_while_gamma_fails_although_others_are_recorded() -> None:
    watched = watch()
    long = selection(gamma_market(0, 900)).markets
    watched.succeeded(found(*windows(0), *long), {})
    watched.begins(10 * S, NOON + 10 * S)
    watched.failed("gamma answered 500")
    assert held(watched, 299) == {}
    [reason] = held(watched, 300)["window_not_recorded"].values()
    assert "Gamma could not be asked: gamma answered 500" in reason


def test_a_limit_that_is_used_up_misses_nothing_and_one_that_is_not_does() -> None:
    for limit, missed in ((1, False), (2, True)):
        watched = watch(limit)
        watched.succeeded(found(*selection(gamma_market(0, 900)).markets), {})
        assert bool(held(watched, 1)) is missed


def test_a_clock_that_is_certainly_wrong_is_allowed_for() -> None:
    watched = watch()
    off = Finding("clock_off", "", "an hour")
    watched.succeeded(found(*windows(0), problems=(off,), clock_offset_seconds=3600.0), {})
    assert held(watched, 3610) == {"clock_off": {"": "an hour"}}


def test_discovery_fails_for_as_long_as_the_lookahead_allows_before_it_is_said() -> None:
    watched = watch()
    question_taken = selection(question(), rules=TAG, label="tag news").markets
    watched.succeeded(msgspec.structs.replace(found(*question_taken), series_known=()), {})
    watched.begins(5 * S, NOON + 5 * S)
    watched.failed("gamma answered 500")
    watched.begins(15 * S, NOON + 15 * S)
    assert held(watched, 304) == {}
    [reason] = held(watched, 305)["discovery_failing"].values()
    assert "since 2026-11-23T12:00:05Z" in reason
    assert "what was found before is recorded: gamma answered 500" in reason
    watched.succeeded(msgspec.structs.replace(found(*question_taken), series_known=()), {})
    assert held(watched, 306) == {}


def test_where_nothing_is_recorded_a_failure_and_a_silence_are_said_within_a_minute() -> None:
    for error in ("gamma answered 500", ""):
        watched = watch()
        watched.succeeded(msgspec.structs.replace(found(), series_known=()), {})
        watched.begins(0, NOON)
        if error:
            watched.failed(error)
        assert held(watched, 29) == {}
        [reason] = held(watched, 30)["discovery_failing"].values()
        assert "nothing is recorded" in reason
        assert (error or "it has not answered yet") in reason


def test_a_start_without_gamma_and_without_a_discovery_file_is_said_at_once() -> None:
    watched = watch()
    watched.begins(0, NOON)
    assert held(watched, 1) == {}
    watched.failed("gamma refused the connection")
    assert "gamma refused the connection" in held(watched, 1)["discovery_failing"][""]


def test_an_incomplete_listing_counts_when_the_next_one_is_incomplete_too() -> None:
    watched = watch()
    broken = found(*windows(0), problems=(Finding("discovery_incomplete", "/markets/keyset", "cut short"),))
    watched.succeeded(broken, {})
    assert (held(watched, 1), watched.is_troubled) == ({}, True)
    watched.succeeded(broken, {})
    assert held(watched, 2) == {"discovery_incomplete": {"/markets/keyset": "cut short"}}
    watched.succeeded(found(*windows(0)), {})
    assert (held(watched, 3), watched.is_troubled) == ({}, False)


def test_it_is_asked_again_soon_only_for_what_may_be_there_in_a_moment() -> None:
    watched = watch()
    assert watched.is_troubled, "nothing is known yet"
    for finding, soon in (
        (Finding("selection_matches_nothing", "x", "typing error"), False),
        (Finding("clock_off", "", "an hour"), False),
        (Finding("markets_unreadable", "version", "v9"), True),
        (Finding("window_not_recorded", "x", "gone"), True),
    ):
        watched.succeeded(found(*windows(0), problems=(finding,)), {})
        assert watched.is_troubled is soon
    watched.succeeded(found(*windows(0)), {})
    watched.failed("gamma answered 500")
    assert watched.is_troubled
