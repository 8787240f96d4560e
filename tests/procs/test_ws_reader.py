from pathlib import Path

import pytest

from common.core.audit.wishes import Wish
from common.core.instants import parse_utc_ns, utc_text
from common.core.problems import Problem
from tests.doubles.market_exchange import MarketExchange
from tests.procs.readers import S, gaps, market, reader_beside

ONE, TWO = market("btc-1", "111111111111", "112112112112"), market("btc-2", "221221221221", "222222222222")


def test_a_live_market_that_discovery_loses_is_a_gap_of_its_tokens_until_it_is_back(tmp_path: Path) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(ONE, TWO)
        run.receiving()
        run.discover(TWO)
        run.until(lambda: True, "a step")
        run.pass_time(20, lambda: exchange.change("221221221221"))
        run.until(
            lambda: exchange.subscribed[0] == {"221221221221", "222222222222"},
            "the tokens to be unsubscribed",
        )
        run.pass_time(49, lambda: exchange.change("221221221221"))
        run.discover(ONE, TWO)
        run.pass_time(2)
        run.until(lambda: run.told.tokens == 4, "the tokens to be subscribed again")
        rows = run.end()
    [(seconds, tokens)] = gaps(rows, "not_subscribed")
    assert tokens == ["111111111111", "112112112112"]
    assert 49 < seconds < 100
    [row] = [row for row in rows if row["record_type"] == "gap"]
    assert row["gap"]["token_ids"] == ["111111111111", "112112112112"]


def test_when_discovery_loses_every_market_the_outage_is_harmful_for_those_that_trade(tmp_path: Path) -> None:
    over = market("btc-0", "901901901901", "902902902902", ends_in_s=-5)
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(ONE, over)
        run.receiving()
        run.discover()
        run.pass_time(70)
        assert run.told.state == "no_tokens"
        told_until_ns = run.told.outbox.settled_until_ns
        assert told_until_ns < run.clock.wall_ns() - 30 * S, "the ledger waits for what is not declared yet"
        run.discover(ONE)
        run.pass_time(2)
        run.receiving()
        rows = run.end()
    [(seconds, tokens)] = gaps(rows, "not_subscribed")
    assert tokens == ["111111111111", "112112112112"]
    assert 45 < seconds < 95
    assert len(gaps(rows, "no_active_tokens")) == 1


def test_a_window_that_is_left_before_its_end_is_a_gap_to_its_end_and_no_longer(tmp_path: Path) -> None:
    ending = market("btc-1", "111111111111", "112112112112", ends_in_s=60)
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(ending, TWO)
        run.receiving()
        run.discover(TWO)
        run.pass_time(120, lambda: exchange.change("221221221221"))
        rows = run.end()
    [(seconds, tokens)] = gaps(rows, "not_subscribed")
    assert tokens == ["111111111111", "112112112112"]
    assert 30 < seconds < 59.9


@pytest.mark.parametrize("why", ["closed", "resolved", "over"])
def test_what_the_exchange_says_is_over_may_leave_without_a_gap(tmp_path: Path, why: str) -> None:
    leaving = market("btc-1", "111111111111", "112112112112", ends_in_s=5 if why == "over" else 3600)
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(leaving, TWO)
        run.receiving()
        if why == "resolved":
            exchange.say(
                b'{"event_type":"market_resolved","winning_asset_id":"111111111111","assets_ids":["111111111111","112112112112"]}'
            )
        run.pass_time(10, lambda: exchange.change("221221221221"))
        run.discover(TWO, closed=[leaving.slug] if why == "closed" else [])
        run.pass_time(30, lambda: exchange.change("221221221221"))
        assert run.told.tokens == 2
        rows = run.end()
    assert not [row for row in rows if row["record_type"] == "gap"]


def test_tokens_that_were_left_outlive_the_reader_and_end_with_the_recorder(tmp_path: Path) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(ONE, TWO)
        run.receiving()
        run.discover(TWO)
        run.pass_time(30, lambda: exchange.change("221221221221"))
        run.die_and_come_back()
        run.receiving()
        run.pass_time(10, lambda: exchange.change("221221221221"))
        rows = run.end()
    [(seconds, tokens)] = gaps(rows, "not_subscribed")
    assert tokens == ["111111111111", "112112112112"]
    assert 20 < seconds < 65
    [(_, others)] = gaps(rows, "reader_died")
    assert others == ["221221221221", "222222222222"]


def test_a_market_that_vanishes_while_the_connection_is_down_has_its_gap_too(tmp_path: Path) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange, reconnect_initial_delay_seconds=30) as run:
        run.discover(ONE, TWO)
        run.receiving()
        exchange.cut()
        run.until(lambda: run.told.state == "reconnecting", "the end of the session")
        run.discover(TWO)
        run.until(lambda: run.told.state == "receiving", "the next session", pass_s=0.1)
        run.pass_time(20, lambda: exchange.change("221221221221"))
        rows = run.end()
    [(seconds, tokens)] = gaps(rows, "not_subscribed")
    assert tokens == ["111111111111", "112112112112"]
    assert seconds > 15


def test_a_window_that_nobody_took_is_declared_from_its_start_by_its_slug(tmp_path: Path) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        start_s = run.clock.wall_ns() // S - 20
        slug = f"btc-updown-5m-{start_s}"
        stated = Problem("window_not_recorded", "Gamma does not list it", utc_text(run.clock.wall_ns()), slug)
        run.discovery_states(stated)
        run.pass_time(30, lambda: exchange.change("221221221221"))
        run.discovery_states()
        run.pass_time(2, lambda: exchange.change("221221221221"))
        rows = run.end()
    [(seconds, tokens)] = gaps(rows, "window_not_recorded")
    assert tokens == []
    assert 29 < seconds < 90
    [gap] = [row["gap"] for row in rows if row["record_type"] == "gap"]
    assert (gap["market_slug"], gap["reason"]) == (slug, "Gamma does not list it")


def test_books_that_stay_away_while_others_have_theirs_are_a_problem_until_they_come(tmp_path: Path) -> None:
    exchange = MarketExchange()
    exchange.without_book |= {"111111111111", "112112112112"}
    with reader_beside(tmp_path, exchange) as run:
        run.discover(ONE, TWO)
        run.receiving()
        run.pass_time(29, lambda: exchange.change("221221221221"))
        assert not run.problems.held
        run.pass_time(18, lambda: exchange.change("221221221221"))
        [problem] = run.problems.held
        assert (problem.kind, problem.subject) == ("books_missing", "btc-1")
        assert "no order book came of 2 of its tokens for 4" in problem.reason
        exchange.without_book.clear()
        run.pass_time(20, lambda: exchange.change("221221221221"))
        run.pass_time(10)
        assert not run.problems.held
        rows = run.end()
    of_tokens = [gap for gap in gaps(rows, "no_first_book") if gap[1] == ["111111111111", "112112112112"]]
    assert len(of_tokens) == 1
    assert 55 < of_tokens[0][0] < 110, "since they were subscribed, until their books came"


def test_the_row_that_opens_an_archive_window_names_the_books_that_are_still_awaited(tmp_path: Path) -> None:
    exchange = MarketExchange()
    exchange.without_book |= {"111111111111", "112112112112"}
    with reader_beside(tmp_path, exchange) as run:
        run.slept_ns = 3600 * S - run.clock.wall_ns() % (3600 * S) - 20 * S
        run.discover(
            market("btc-1", "111111111111", "112112112112", ends_in_s=9000),
            market("btc-2", "221221221221", "222222222222", ends_in_s=9000),
        )
        run.receiving()
        run.pass_time(25, lambda: exchange.change("221221221221"))
        rows = run.end()
    [opened] = [row for row in rows if row["record_type"] == "session_opened"]
    changes = [row["subscription_changed"] for row in rows if row["record_type"] == "subscription_changed"]
    [turn] = [change for change in changes if change.get("reason") == "window_opened"]
    assert [each["token_id"] for each in turn["awaiting_books"]] == ["111111111111", "112112112112"]
    asked_ns = parse_utc_ns(opened["received_at_utc"])
    assert all(abs(parse_utc_ns(each["since_utc"]) - asked_ns) < S for each in turn["awaiting_books"])


def test_a_window_that_has_no_book_before_it_opens_costs_no_reconnect_and_is_no_problem(
    tmp_path: Path,
) -> None:
    upcoming = market("btc-1", "111111111111", "112112112112", opens_in_s=600)
    exchange = MarketExchange()
    exchange.without_book |= {"111111111111", "112112112112"}
    with reader_beside(tmp_path, exchange) as run:
        run.discover(upcoming, TWO)
        run.receiving()
        run.pass_time(200, lambda: exchange.change("221221221221"), step_s=1)
        assert not run.problems.held
        assert exchange.server.connections == 1
        run.end()


def test_opening_books_and_nothing_more_are_a_problem_within_a_minute_once_rest_shows_changes(
    tmp_path: Path,
) -> None:
    exchange = MarketExchange()
    with reader_beside(tmp_path, exchange) as run:
        run.discover(TWO)
        run.receiving()
        began_ns = run.clock.monotonic_ns()
        session = run.told.recent_sessions[-1].session_id
        run.pass_time(30)
        seen_ns = run.clock.wall_ns()
        wish = Wish(1, "ws_reader-0", session, "stale", "221221221221", "newer", last_market_data_ns=seen_ns)
        run.auditor_says(wishes=[wish])
        run.until(lambda: exchange.server.connections == 2, "a new connection", pass_s=0.1)
        run.receiving()
        assert run.consecutive_stale == 1
        assert not run.problems.held
        run.pass_time(13)
        assert [problem.kind for problem in run.problems.held] == ["opening_books_only"]
        assert run.clock.monotonic_ns() - began_ns < 60 * S
        exchange.change("221221221221")
        run.pass_time(2)
        assert not run.problems.held
        assert run.consecutive_stale == 0
        run.end()
