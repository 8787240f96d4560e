"""Where gaps begin: at the last moment known good, not where the trouble was noticed."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from common.core.audit.confirmations import Confirmed
from common.core.audit.wishes import Action, Wish
from common.core.instants import parse_utc_ns
from tests.doubles.market_exchange import MarketExchange
from tests.procs.readers import ReaderRun, S, market, reader_beside

TWO = market("btc-2", "221221221221", "222222222222")
SLACK_S = 2.0  # steps of half a second, and what the machine takes for them


def declared(rows: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    """All gaps as (from, to, cause), in seconds, joined where one goes on where another ends."""
    found = [
        (parse_utc_ns(gap["from_utc"]) / S, parse_utc_ns(gap["to_utc"]) / S, gap["cause"])
        for row in rows
        if row["record_type"] == "gap" and "token_ids" not in (gap := row["gap"])
    ]
    joined: list[tuple[float, float, str]] = []
    for from_s, to_s, cause in sorted(found):  # one that lasts beyond an archive window is declared in each
        if joined and joined[-1][1:] == (from_s, cause):
            joined[-1] = (joined[-1][0], to_s, cause)
        else:
            joined.append((from_s, to_s, cause))
    return joined


def seconds_of(run: ReaderRun) -> float:
    return run.clock.wall_ns() / S


def reasons(run: ReaderRun) -> list[str | None]:
    return [session.close_reason for session in run.told.recent_sessions]


def freeze(run: ReaderRun, _exchange: MarketExchange) -> None:
    run.pass_time(61)


def mute_then_cut(run: ReaderRun, exchange: MarketExchange) -> None:
    run.pass_time(35)
    exchange.cut()


def mute_then_close(run: ReaderRun, exchange: MarketExchange) -> None:
    run.pass_time(35)
    exchange.newest.close(1001, "bye")


def pause_and_cut(run: ReaderRun, exchange: MarketExchange) -> None:
    exchange.change("221221221221")  # it waits in the kernel
    run.later_ns += 40 * S
    exchange.cut()


def sleep_and_find_it_cut(run: ReaderRun, exchange: MarketExchange) -> None:
    run.slept_ns += 1500 * S
    exchange.cut()


def pause_and_hear_nothing_more(run: ReaderRun, exchange: MarketExchange) -> None:
    exchange.mute_pongs = True
    exchange.change("221221221221")
    run.later_ns += 40 * S
    run.pass_time(61)


def replaced_for_a_book(run: ReaderRun, exchange: MarketExchange) -> None:
    exchange.without_book.add("991991991991")
    run.discover(TWO, market("btc-9", "991991991991", "992992992992"))
    run.until(lambda: run.told.tokens == 4 and run.told.tokens_without_book == 1, "the subscription")
    exchange.change("221221221221")
    run.pass_time(1)
    run.pass_time(59)


@pytest.mark.parametrize(
    ("trouble", "cause", "lost_s"),
    [
        (freeze, "stale_feed", 60),
        (mute_then_cut, "connection_lost", 35),
        (mute_then_close, "closed_by_exchange", 35),
        (pause_and_cut, "connection_lost send_failed", 40),
        (sleep_and_find_it_cut, "connection_lost send_failed", 1500),
        (pause_and_hear_nothing_more, "stale_feed", 100),
        (replaced_for_a_book, "no_first_book", 58),
    ],
)
def test_the_gap_begins_with_the_last_data_before_the_trouble(
    tmp_path: Path, trouble: Callable[[ReaderRun, MarketExchange], None], cause: str, lost_s: float
) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        exchange.change("221221221221")
        run.pass_time(1)
        good_s = seconds_of(run) - 1
        trouble(run, exchange)
        run.until(lambda: exchange.server.connections == 2, "a new connection", pass_s=0.05)
        run.receiving()
        end_s = seconds_of(run)
        rows = run.end()
    [(from_s, to_s, found)] = declared(rows)
    assert found in cause.split()
    assert to_s - from_s > lost_s - SLACK_S
    assert good_s - 1 - SLACK_S < from_s
    assert to_s <= end_s


def test_sessions_without_any_data_leave_no_hole_between_their_gaps(tmp_path: Path) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange, first_book_timeout_seconds=300) as run:
        run.discover(TWO)
        run.receiving()
        exchange.change("221221221221")
        run.pass_time(1)
        exchange.mute_openings = True
        exchange.cut()
        run.until(lambda: reasons(run).count("no_first_message") == 2, "two such sessions", pass_s=0.2)
        exchange.mute_openings = False
        run.until(lambda: run.told.state == "receiving", "one that has data", pass_s=0.2)
        rows = run.end()
    gaps = declared(rows)
    assert [cause for _, _, cause in gaps] == ["connection_lost", "no_first_message"]
    for (_, to_s, _), (from_s, _, _) in pairwise(gaps):
        assert abs(from_s - to_s) < 0.001


def test_a_paused_reader_whose_connection_lives_has_lost_nothing(tmp_path: Path) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        exchange.change("221221221221")
        run.pass_time(1)
        paused_ns = run.clock.wall_ns()
        run.later_ns += 40 * S
        exchange.change("221221221221")
        run.until(lambda: run.told.outbox.settled_until_ns < paused_ns, "the ledger to wait for the proof")
        run.pass_time(1)
        mute_then_cut(run, exchange)
        run.until(lambda: exchange.server.connections == 2, "a new connection", pass_s=0.05)
        run.receiving()
        rows = run.end()
    [(from_s, to_s, _)] = declared(rows)
    assert from_s > paused_ns / S + 39
    assert 34 < to_s - from_s < 60


def test_a_quiet_market_that_checkpoints_confirm_is_not_cut_and_good_until_the_last_of_them(
    tmp_path: Path,
) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        session = run.told.recent_sessions[-1].session_id
        for _ in range(10):
            run.pass_time(30)
            confirmed = Confirmed(session, run.clock.wall_ns() - S)
            run.auditor_says(confirmed={"ws_reader-0": confirmed})
        assert exchange.server.connections == 1
        run.auditor_says(confirmed={"ws_reader-0": Confirmed("another", confirmed.until_ns)})
        run.until(lambda: exchange.server.connections == 2, "the end without them", pass_s=0.2)
        run.receiving()
        rows = run.end()
    [(from_s, to_s, cause)] = declared(rows)
    assert cause == "stale_feed"
    assert 59 < to_s - from_s < 100


def test_an_opening_array_that_is_still_arriving_is_no_silence(tmp_path: Path) -> None:
    exchange = MarketExchange()
    exchange.dribble = 20
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.until(lambda: run.told.state == "waiting_for_data", "the session")
        while exchange.dribble_on() and run.told.state == "waiting_for_data":
            run.pass_time(2)
        run.receiving()
        assert exchange.server.connections == 1
        assert run.told.tokens_without_book == 0
        run.end()


@pytest.mark.parametrize("action", ["resubscribe", "replace"])
def test_a_book_that_diverged_is_a_gap_of_its_token_from_when_it_was_proved_last(
    tmp_path: Path, action: Action
) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        session = run.told.recent_sessions[-1].session_id
        run.pass_time(5, lambda: exchange.change("221221221221"))
        good_ns = run.clock.wall_ns()
        run.pass_time(20, lambda: exchange.change("221221221221"))
        wish = Wish(
            number=1,
            reader="ws_reader-0",
            session_id=session,
            action=action,
            token_id="222222222222",
            why="why",
            good_until_ns=good_ns,
            diverged=True,
        )
        run.auditor_says(wishes=[wish])
        run.pass_time(2)
        run.until(lambda: run.told.state == "receiving", "a session that receives", pass_s=0.1)
        rows = run.end()
    [gap, *whole] = [row for row in rows if row["record_type"] == "gap"]
    assert gap["gap"]["token_ids"] == ["222222222222"]
    assert [token["token_id"] for token in gap["tokens_tracked"]] == ["222222222222"]
    assert parse_utc_ns(gap["gap"]["from_utc"]) == good_ns - good_ns % 1000
    assert 20 < (parse_utc_ns(gap["gap"]["to_utc"]) - good_ns) / S < 50
    assert [row["gap"]["cause"] for row in whole] == (["diverged"] if action == "replace" else [])


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_is_set_by_years_makes_no_gap_longer(tmp_path: Path, years: int) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        exchange.change("221221221221")
        run.pass_time(1)
        exchange.cut()
        run.until(lambda: run.told.state != "receiving", "the outage")
        run.set_ns = years * 365 * 86_400 * S
        run.until(lambda: exchange.server.connections == 2, "a new connection", pass_s=0.05)
        run.receiving()
        rows = run.end()
    [(from_s, to_s, cause)] = declared(rows)
    assert cause == "connection_lost"
    assert 0 < to_s - from_s < 60
    assert abs(from_s - seconds_of(run)) < 600, "on the clock of now"
