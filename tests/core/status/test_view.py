import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.status.history import History
from common.core.status.view import Liveness, share
from common.terminal.drawing import plain_lines
from common.terminal.status_screen import status_lines

NOW = parse_utc_ns("2026-11-23T12:02:30Z")
ALIVE = Liveness(running=True, pid=7, words="", discovery_age_s=12)


def at(seconds: float) -> str:
    return utc_text(NOW + int(seconds * NS_PER_SECOND))


def market(slug: str, start_s: float, end_s: float) -> dict[str, Any]:
    return {"slug": slug, "start_time_utc": at(start_s), "end_time_utc": at(end_s)}


def session(name: str, closed: str | None = None, **values: object) -> dict[str, Any]:
    opened = {"session_id": name, "opened_at_utc": at(-65), "closed_at_utc": closed, "messages": 1234}
    return {**opened, "close_reason": closed and "slow_consumer", "stale": False, **values}


def manifest(seconds: float = 0, messages: int = 0, **values: object) -> dict[str, Any]:
    return {
        "run_id": "20261123T120000Z-ab12",
        "state": "RUNNING_RECEIVING",
        "started_at_utc": at(-150),
        "updated_at_utc": at(seconds),
        "last_successful_ws_message_at_utc": at(-1),
        "counters": {
            "ws_messages_total": messages,
            "archives_closed_total": 60,
            "gaps_total": 2,
            "json_errors_total": 3,
        },
        "markets": [
            market("btc-updown-5m-1795435500", -400, -100),
            market("btc-updown-5m-1795436100", 150, 450),
            market("btc-updown-5m-1795435800", -150, 150),
        ],
        "recent_sessions": [
            session("ws_reader-0-20261123T120000Z-abcdef-c1", closed=at(-30), stale=True),
            session("ws_reader-0-20261123T120000Z-abcdef-c2"),
        ],
        "queue": {"ws_reader-0": {"spool_bytes": 2**20, "lanes": {"0": 5, "1": 20_000}, "lanes_owned": 1}},
        "processes": [
            {
                "name": "ws_reader-0",
                "pid": 7,
                "cpu_seconds": 1 + seconds / 4,
                "rss_bytes": 2**25,
                "restarts": 2,
            },
            {"name": "manifest", "pid": 8, "cpu_seconds": None, "rss_bytes": None, "restarts": 0},
            {"name": "archive_writer-0", "pid": None, "cpu_seconds": None, "rss_bytes": None, "restarts": 0},
        ],
        "open_archives": [{"stream": "ws_raw", "rows": 99, "bytes": 5000, "opened_at_utc": at(-40)}],
        "closed_archives": [{"bytes": 3 * 2**20}],
        "gaps": [
            {"declared_at_utc": at(-40), "from_utc": at(-50), "to_utc": at(-47.5), "cause": "cut"},
            {
                "declared_at_utc": at(-9),
                "from_utc": at(-20),
                "to_utc": at(-10),
                "cause": "spool_full",
                "messages": 1200,
            },
        ],
        **values,
    }


def lines_of(
    document: dict[str, Any], history: History, width: int, height: int, liveness: Liveness = ALIVE
) -> list[str]:
    return plain_lines(status_lines(document, history, width, height, NOW, liveness=liveness))


def shown(width: int = 80, height: int = 40, liveness: Liveness = ALIVE, last: str | None = at(-1)) -> str:
    return "\n".join(
        lines_of(manifest(last_successful_ws_message_at_utc=last), History(), width, height, liveness)
    )


def test_everything_that_matters_is_on_one_screen() -> None:
    text = shown()
    for expected in (
        "● RUNNING_RECEIVING   up 2:30   run 20261123T120000Z-ab12",
        "last market data 0:01 ago   last discovery 0:12 ago",
        "json errors 3  checkpoints 0  reconnects 0",
        "MARKETS  1 open of 3 recorded",
        "btc-updown-5m-1795435800 ███    2:30",
        "btc-updown-5m-1795436100        in 2:30",
        "btc-updown-5m-1795435500 ██████ 1:40 ago",
        "ws_reader-0        -- 32.0 MiB ↻2",
        "archive_writer-0 down",
        "PROCESSES  3 processes, 1 down",
        "SESSIONS  1 open",
        "c2 1:05 1,234 msgs",
        "c1 0:35 slow_consumer",
        "QUEUE  spool 1.0 MiB, 1 unowned",
        "ws_reader-0 0:5  1:20,000",
        "ARCHIVES  60 closed (newest 1: 3.0 MiB)",
        "ws_raw 99 4.9 KiB 0:40",
        "GAPS  2 declared",
        "0:09 ago spool_full 1,200 lost",
        "0:40 ago cut        2.5 s",
        "12:02:30 UTC",
    ):
        assert expected in text
    assert text.index("1795435800") < text.index("1795436100") < text.index("1795435500"), (
        "live windows first"
    )


def test_rates_and_shares_come_from_two_manifests() -> None:
    history = History()
    for second in (0, 2, 2, 4):
        history.note(manifest(seconds=second, messages=second * 300))
    lines = lines_of(manifest(seconds=4), history, 80, 24)
    assert re.search(r"messages .*█ 300/s", "\n".join(lines))
    assert re.search(r"ws_reader-0 +25% ", "\n".join(lines))


def test_the_last_minute_is_remembered_and_nothing_of_another_run() -> None:
    history = History()
    for second in range(0, 300, 2):
        history.note(manifest(seconds=second, messages=second))
    rates = history.rates(30)
    assert len(rates) == 30
    assert None not in rates
    assert history.waiting(30) == [20_005] * 30
    history.note(manifest(seconds=400, run_id="another"))
    assert history.latest_rate is None
    assert history.rates(3) == [None, None, None]


def test_a_recorder_that_does_not_run_is_said_not_to() -> None:
    gone = Liveness(running=False, pid=None, words="not running, last state RUNNING_RECEIVING at 12:02")
    text = shown(liveness=gone)
    assert "● NOT RUNNING, last RUNNING_RECEIVING" in text
    assert text.splitlines()[-1].endswith("not running, last state RUNNING_RECEIVING at 12:02")


def test_what_was_never_there_is_said_in_words() -> None:
    text = shown(liveness=Liveness(running=True, pid=7, words=""), last=None)
    assert "last market data none yet   last discovery never" in text


def test_last_errors_are_shown_whole_as_far_as_they_fit() -> None:
    troubled = Liveness(running=True, pid=7, words="", errors=(("discovery", "gamma.test answered 500"),))
    assert "discovery: gamma.test answered 500" in shown(liveness=troubled)
    assert "LAST ERRORS" not in shown()


def test_a_low_terminal_shares_its_rows_and_says_what_it_left_out() -> None:
    lines = shown(height=16).splitlines()
    assert len(lines) == 16
    assert all(title in "\n".join(lines) for title in ("MARKETS", "SESSIONS", "QUEUE", "ARCHIVES", "GAPS"))
    assert "… 2 more" in "\n".join(lines)
    lowest = shown(height=13)
    assert "more" not in lowest, "a single row is better spent on the most telling"
    assert "archive_writer-0 down" in lowest


@pytest.mark.parametrize(
    ("wanted", "room", "given"), [([3, 1, 0], 3, [2, 1, 0]), ([1], 9, [1]), ([4], -2, [0])]
)
def test_rows_go_round(wanted: list[int], room: int, given: list[int]) -> None:
    assert share(wanted, room) == given


@given(width=st.integers(1, 130), height=st.integers(1, 50), slug=st.text(max_size=90), words=st.text())
def test_no_size_and_no_hostile_name_breaks_the_layout(
    width: int, height: int, slug: str, words: str
) -> None:
    hostile = manifest(markets=[market(slug, -60, 60)], run_id=words, state=words)
    alive = Liveness(running=True, pid=1, words=words, errors=((slug, words),))
    lines = lines_of(hostile, History(), width, height, alive)
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    assert all(char.isprintable() for line in lines for char in line)


def test_legs_are_shown_where_there_are_two() -> None:
    up = {"leg": "a", "up": True, "tokens": 8, "down_since_utc": None}
    down = {"leg": "b", "up": False, "tokens": 0, "down_since_utc": at(-65)}
    lines = lines_of(manifest(legs=[up, down]), History(), 80, 24)
    assert any("a up, 8 tokens" in line and "b down for 1:05" in line for line in lines)
    gained = manifest(legs=[up, up], union_today={"healed_seconds": 41})
    assert any("healed 41.0 s today" in line for line in lines_of(gained, History(), 80, 24))
    alone = lines_of(manifest(legs=[up]), History(), 80, 24)
    assert not any("legs" in line for line in alone)


def test_a_simulated_exchange_is_named_in_the_first_line() -> None:
    live = lines_of(manifest(exchange="live"), History(), 100, 40)
    simulated = lines_of(manifest(exchange="simulated"), History(), 100, 40)
    assert "simulated exchange" in simulated[0]
    assert "simulated" not in "".join(live)


def shown_at(width: int, **values: object) -> list[str]:
    shown = status_lines(manifest(0, 9, **values), History(), width, 40, NOW, liveness=ALIVE)
    return plain_lines(shown)


def test_the_exchange_the_divergences_and_the_ledgers_are_shown() -> None:
    ledgers = {"ws_raw": {"complete": 3, "degraded": 1, "gap": 0}, "rest_checkpoints": {"complete": 4}}
    values: dict[str, Any] = {"books": {"tokens": 12, "unhealed": 1}, "ledgers_by_condition": ledgers}
    for exchange in ("live", "simulated"):
        diverged = {"divergences_total": 2}
        shown = shown_at(100, exchange=exchange, counters=diverged, **values)
        assert f"   {exchange} exchange" in shown[0]
        assert "   books  12 checked  2 divergences, 1 unhealed   ledgers  1 degraded  7 complete" in shown
    assert "   books  12 checked  no divergence   ledgers  none written yet" in shown_at(
        100, books={"tokens": 12}
    )


@pytest.mark.parametrize("width", range(40, 100, 5))
def test_where_there_is_little_room_whole_items_and_columns_are_left_out(width: int) -> None:
    legs = [
        {"leg": leg, "up": True, "tokens": 12, "down_since_utc": None, "up_since_utc": at(-60)}
        for leg in ("a", "b")
    ]
    shown = shown_at(width, exchange="live", books={"tokens": 12}, legs=legs)
    cut = [line for line in shown if "…" in re.sub(r"… \d+ more", "", line)]
    assert cut == []
    assert any("btc-updown-5m-1795435800" in line and "2:30" in line for line in shown)
