import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.archive.read import closed_archives
from common.config import DiscoverySettings
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Market, Token
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from tests.doubles.rest_server import DOWN, UP, book
from tests.polymarket.loopback import Handler, Server, serving
from tests.procs.alone import Alone, alone, run_folder
from tests.waiting import wait_for

END = "2026-01-01T00:05:00Z"
MARKET = Market(
    "btc-1",
    "0x1",
    "btc-up-or-down-5m",
    "2026-01-01T00:00:00Z",
    END,
    (Token("btc-1", "0x1", UP, "Up", END), Token("btc-1", "0x1", DOWN, "Down", END)),
)


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


LIVE = Market(
    "live",
    "0x2",
    "",
    "",
    "",
    (Token("live", "0x2", UP, "Yes", ""), Token("live", "0x2", DOWN, "No", "")),
)


def discover(data_root: Path, market: Market = MARKET) -> None:
    write_discovery_file(
        discovery_path(data_root, DiscoverySettings()),
        DiscoveryFile(DISCOVERY_SCHEMA_VERSION, END, "test", ("btc-up-or-down-5m",), (market,), ()),
    )


def settings(server: Server, **more: float) -> dict[str, dict[str, object]]:
    timings: dict[str, object] = {"interval_seconds": 0.05, "request_timeout_seconds": 0.5, **more}
    return {
        "exchange": {"clob_url": server.url},
        "rest_checkpoint": timings,
        "writer": {"commit_interval_seconds": 0.05},
    }


def asked(handler: Handler) -> list[str]:
    return [each["token_id"] for each in json.loads(handler.sent_body)]


def good(handler: Handler) -> None:
    body = json.dumps([book(token) for token in asked(handler)]).encode()
    handler.reply(200, body, {"Content-Type": "application/json", "Set-Cookie": "secret=1", "CF-Ray": "7-X"})


def rows(data_root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in closed_archives(data_root):
        found += [json.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]]
    return sorted(found, key=lambda row: int(row["checkpoint_sequence"]))


def recorded(
    data_root: Path, run_dir: Path, answers: list[Callable[[Handler], None]], **more: float
) -> tuple[list[dict[str, Any]], int, str]:
    """Rows of a checkpointer that got these answers, then good ones; failures counted; its log."""
    left = iter(answers)
    discover(data_root)

    def answer(handler: Handler) -> None:
        next(left, good)(handler)

    with serving(answer) as server:
        given = settings(server, **more)
        with (
            alone("archive_writer", run_dir, data_root, given, name="archive_writer-0") as writer,
            alone("rest_checkpointer", run_dir, data_root, given) as checkpointer,
        ):
            checkpointer.wait_for_counter("rest_requests_total", len(answers) + 1)
            assert checkpointer.stop() == 0, checkpointer.log
            assert writer.stop() == 0, writer.log
    return rows(data_root), checkpointer.counter("rest_failures_total"), checkpointer.log


def test_every_kind_of_failure_is_one_row_and_counted_and_the_next_request_follows(
    tmp_path: Path, run_dir: Path
) -> None:
    silence = threading.Event()
    answers: list[Callable[[Handler], None]] = [
        lambda handler: handler.reply(429, b'{"error":"slow down"}', {"Retry-After": "1"}),
        lambda handler: handler.reply(500, b""),
        lambda handler: handler.reply(200, b"<html>hello</html>", {"Content-Type": "text/html"}),
        lambda handler: handler.reply(200, b'{"error":"Too Many Requests"}'),
        lambda handler: handler.reply(200, b"[]", {"X-Exchange": "simulated"}),
        lambda _handler: (silence.wait(20), None)[1],
    ]
    found, failures, log = recorded(tmp_path / "d", run_dir, answers)
    silence.set()
    assert [row["checkpoint_sequence"] for row in found] == list(range(1, len(found) + 1))
    assert failures == sum(row["error"] is not None for row in found) == 6
    limited, broken, html, inside, simulated, silent, fine = found[:7]
    assert simulated["response"] is None, "what the embedded exchange answers is not recorded as live data"
    assert "says that it is the embedded exchange, and this run records live data" in simulated["error"]
    assert limited["response"]["status_code"] == 429
    assert limited["response"]["headers"]["retry-after"] == "1"
    assert limited["response"]["raw_response_json"] == {"error": "slow down"}
    assert limited["error"] == "answered HTTP 429"
    assert limited["missing_token_ids"] == [UP, DOWN]
    assert broken["error"] == "answered HTTP 500"
    assert broken["payload_sha256"] == hashlib.sha256(b"").hexdigest()
    assert html["response"]["raw_text"] == "<html>hello</html>"
    assert html["error"] == inside["error"] == "answered 200 with a body that is not an array of books"
    assert silent["response"] is None
    assert "did not answer within 0.5 s" in silent["error"]
    assert fine["error"] is None
    assert fine["missing_token_ids"] == []
    assert set(fine["response"]["headers"]) == {"content-type", "date", "cf-ray"}, "and no cookie"
    assert [each["asset_id"] for each in fine["response"]["raw_response_json"]] == [UP, DOWN]
    assert [token["token_id"] for token in fine["tokens_tracked"]] == [UP, DOWN]
    assert log.count('"checkpoint failed"') == 6


def test_tokens_that_an_answer_leaves_out_are_named_and_are_no_failure(tmp_path: Path, run_dir: Path) -> None:
    def partial(handler: Handler) -> None:
        handler.reply(200, json.dumps([book(DOWN)]).encode())

    found, failures, _ = recorded(tmp_path / "d", run_dir, [partial])
    assert found[0]["missing_token_ids"] == [UP]
    assert found[0]["error"] is None
    assert failures == 0


def is_failing(checkpointer: Alone) -> bool:
    return checkpointer.facts is not None and "rest_failing" in {
        problem.kind for problem in checkpointer.facts.problems
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda handler: handler.reply(500, b""), "answered HTTP 500"),
        (lambda handler: handler.reply(200, b"[]"), "answered without a book of any of 2 tokens that trade"),
    ],
)
def test_rounds_that_bring_nothing_are_a_problem_until_one_succeeds(
    tmp_path: Path, run_dir: Path, answer: Callable[[Handler], None], reason: str
) -> None:
    answers = [answer]

    def answered(handler: Handler) -> None:
        answers[-1](handler)

    discover(tmp_path, LIVE)
    with (
        serving(answered) as server,
        alone("rest_checkpointer", run_dir, tmp_path, settings(server)) as checkpointer,
    ):
        wait_for(lambda: is_failing(checkpointer), what="the problem")
        assert checkpointer.facts is not None
        [problem] = checkpointer.facts.problems
        assert reason in problem.reason
        assert server.url in problem.reason
        answers.append(good)
        wait_for(lambda: not is_failing(checkpointer), what="its end")
        checkpointer.kill()


def test_an_answer_without_the_books_of_windows_that_are_over_is_no_problem(
    tmp_path: Path, run_dir: Path
) -> None:
    discover(tmp_path)
    with (
        serving(lambda handler: handler.reply(200, b"[]")) as server,
        alone("rest_checkpointer", run_dir, tmp_path, settings(server)) as checkpointer,
    ):
        checkpointer.wait_for_counter("rest_requests_total", 10)
        assert not is_failing(checkpointer)
        checkpointer.kill()


def test_portions_take_turns_also_when_the_interval_is_too_short_for_all(
    tmp_path: Path, run_dir: Path
) -> None:
    found, _, _ = recorded(
        tmp_path / "d", run_dir, [good] * 3, max_tokens_per_request=1, interval_seconds=0.001
    )
    portions = [[each["token_id"] for each in row["request"]["body"]] for row in found[:4]]
    assert portions == [[UP], [DOWN], [UP], [DOWN]]
    assert [token["token_id"] for token in found[1]["tokens_tracked"]] == [DOWN]


def test_nothing_is_asked_before_there_are_markets_and_a_garbled_file_changes_nothing(
    tmp_path: Path, run_dir: Path
) -> None:
    with (
        serving(good) as server,
        alone("rest_checkpointer", run_dir, tmp_path, settings(server)) as checkpointer,
    ):
        wait_for(lambda: checkpointer.facts is not None, what="the first facts")
        assert server.requests == []
        discover(tmp_path)
        checkpointer.wait_for_counter("rest_requests_total", 1)
        discovery_path(tmp_path, DiscoverySettings()).write_text("{garbled")
        wait_for(lambda: len(server.requests) > 30, what="requests after the file was garbled")
        checkpointer.kill()  # without a writer it would wait for one
    assert '"discovery file not used"' in checkpointer.log
    assert asked(server.requests[-1]) == [UP, DOWN]


def test_a_request_under_way_at_the_end_has_a_moment_left_and_is_a_row_too(
    tmp_path: Path, run_dir: Path
) -> None:
    release = threading.Event()
    discover(tmp_path)
    with serving(lambda _handler: (release.wait(20), None)[1]) as server:
        given = settings(server, request_timeout_seconds=20)
        with (
            alone("archive_writer", run_dir, tmp_path, given, name="archive_writer-0") as writer,
            alone("rest_checkpointer", run_dir, tmp_path, given) as checkpointer,
        ):
            wait_for(lambda: server.requests, what="the request")
            assert checkpointer.stop() == 0, checkpointer.log
            assert writer.stop() == 0
        release.set()
    [row] = rows(tmp_path)
    assert row["error"] == "the recorder stopped before the answer came"
    assert row["missing_token_ids"] == []
