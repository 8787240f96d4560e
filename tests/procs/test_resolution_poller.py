import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from common.archive.verify.data_root import verify_data_root
from common.config import DiscoverySettings
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Exchange, Market, Token
from common.core.resolution.answers import told_by_gamma
from common.core.resolution.watch import Waiting
from common.core.verify.sequences import Finding
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.runtime.clock import CLOCK
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.runtime.resolution_state import FILE_NAME, WaitingFile
from common.runtime.run.details import ResolutionDetails
from common.simulation.options import SimulationOptions
from tests.polymarket.loopback import Handler, Server, serving
from tests.procs.alone import Alone, alone, run_folder
from tests.procs.test_rest_checkpointer import rows
from tests.simulation.client import AGENT, current_markets, tokens_of
from tests.waiting import wait_for

CONDITION = "0x" + "ab" * 32
QUICK = {
    "interval_seconds": 0.1,
    "longest_interval_seconds": 0.2,
    "recheck_after_seconds": 0.1,
    "metadata_interval_seconds": 1,
    "request_timeout_seconds": 5,
}


@pytest.fixture
def run_dir() -> Iterator[Path]:
    with run_folder() as folder:
        yield folder


def settings(gamma_url: str, data_url: str, **more: object) -> dict[str, dict[str, object]]:
    return {
        "exchange": {"gamma_url": gamma_url, "data_url": data_url},
        "resolution": {**QUICK, **more},
        "writer": {"commit_interval_seconds": 0.05},
    }


def discover(data_root: Path, *markets: Market, exchange: Exchange = "live") -> None:
    write_discovery_file(
        discovery_path(data_root, DiscoverySettings()),
        DiscoveryFile(DISCOVERY_SCHEMA_VERSION, utc_text(1), "test", (), markets, (), exchange=exchange),
    )


def ended_market(slug: str = "w", *, ago_s: int = 60) -> Market:
    """A window that ended so long ago."""
    end_ns = CLOCK.wall_ns() - ago_s * NS_PER_SECOND
    start, end = utc_text(end_ns - 300 * NS_PER_SECOND), utc_text(end_ns)
    tokens = tuple(Token(slug, CONDITION, str(7 + at), name, end) for at, name in enumerate(("Up", "Down")))
    return Market(slug, CONDITION, "btc-up-or-down-5m", start, end, tokens)


def gamma_body(slug: str = "w", *, winner: int | None = 0, **more: object) -> bytes:
    prices = ["0.5", "0.5"] if winner is None else [str(1 - winner), str(winner)]
    shown = {
        "slug": slug,
        "outcomes": '["Up", "Down"]',
        "closed": winner is not None,
        "outcomePrices": prices,
    }
    return json.dumps({**shown, "conditionId": CONDITION, **more}).encode()


def data_body(winner: int | None = 0) -> bytes:
    payouts = [1_000_000 * (at == winner) for at in (0, 1)]
    told = [{"condition_id": CONDITION, "status": "resolved", "payouts": payouts}]
    return json.dumps({"data": told if winner is not None else []}).encode()


def good(handler: Handler, *, gamma: int | None = 0, data: int | None = 0) -> None:
    handler.reply(200, data_body(data) if handler.path.startswith("/v2/") else gamma_body(winner=gamma))


def findings(data_root: Path) -> list[Finding]:
    return list(verify_data_root(data_root, partial=False, progress=lambda _rows: None).findings)


class Recorded:
    """What a poller and a writer made of a data root."""

    def __init__(self, data_root: Path, poller: Alone, log: str) -> None:
        self.rows = rows(data_root)
        self.counter, self.log = poller.counter, log
        details = poller.details(ResolutionDetails)
        assert details is not None
        self.shown, self.last_error = details.shown, details.last_error
        assert findings(data_root) == []

    def of(self, path: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if path in row["request"]["url"]]


def recorded(
    data_root: Path,
    run_dir: Path,
    answer: Callable[[Handler], None],
    done: Callable[[Alone, Server], bool],
    **more: object,
) -> Recorded:
    """Of a window that has ended, while the exchange answers like this; the processes run until `done`."""
    discover(data_root, ended_market())
    with serving(answer) as server:
        given = settings(server.url, server.url, **more)
        with (
            alone("archive_writer", run_dir, data_root, given, name="archive_writer-0") as writer,
            alone("resolution_poller", run_dir, data_root, given) as poller,
        ):
            wait_for(lambda: done(poller, server) or poller.process.poll() is not None, what="the poller")
            assert poller.stop() == 0, poller.log
            assert writer.stop() == 0, writer.log
            return Recorded(data_root, poller, poller.log)


def resolved(poller: Alone, _server: Server) -> bool:
    return poller.counter("windows_resolved_total") == 1


def test_answers_of_both_sources_are_rows_with_what_was_asked_and_when(tmp_path: Path, run_dir: Path) -> None:
    found = recorded(tmp_path / "d", run_dir, good, resolved)
    assert {row["record_type"] for row in found.rows} == {"market_metadata", "resolution_answer"}
    row = found.of("/v2/resolutions")[0]
    assert row["request"]["url"].endswith(f"?condition={CONDITION}")
    assert row["request"]["method"] == "GET"
    assert row["requested_at_ns"] <= row["received_at_ns"]
    assert row["response"]["raw_response_json"] == json.loads(data_body())
    assert [token["token_id"] for token in row["tokens_tracked"]] == ["7", "8"]
    assert (row["error"], row["missing_token_ids"]) == (None, [])
    assert found.of("/markets/slug/w")
    assert (found.shown.waiting, found.shown.resolved, found.shown.disagreements) == (0, 1, ())


def test_every_kind_of_failure_is_one_row_and_is_asked_again(tmp_path: Path, run_dir: Path) -> None:
    failures: list[Callable[[Handler], None]] = [
        lambda handler: handler.reply(429, b'{"error":"slow down"}', {"Retry-After": "1"}),
        lambda handler: handler.reply(425, b""),
        lambda handler: handler.reply(503, b"<html>"),
        lambda handler: handler.reply(200, b'{"error":"Too Many Requests"}'),
        lambda handler: handler.reply(200, b"[]", {"X-Exchange": "simulated"}),
    ]
    left = iter(failures)

    def answer(handler: Handler) -> None:
        (next(left, good) if handler.path.startswith("/v2/") else good)(handler)

    found = recorded(tmp_path / "d", run_dir, answer, resolved, longest_interval_seconds=0.1)
    asked = found.of("/v2/")
    assert [row["error"] is not None for row in asked[:6]] == [True] * 5 + [False]
    assert asked[1]["requested_at_ns"] - asked[0]["received_at_ns"] >= NS_PER_SECOND, "as Retry-After asks"
    assert asked[0]["missing_token_ids"] == ["7", "8"]
    assert found.counter("resolution_failures_total") == 5
    assert "says that it is the embedded exchange" in asked[4]["error"]


def test_an_outcome_that_is_corrected_is_asked_for_again_and_counted(tmp_path: Path, run_dir: Path) -> None:
    said = iter([0, 0, 1, 1])

    def answer(handler: Handler) -> None:
        good(handler, data=next(said, 1), gamma=1) if handler.path.startswith("/v2/") else good(
            handler, gamma=1
        )

    def done(poller: Alone, _server: Server) -> bool:
        return (
            poller.counter("resolutions_corrected_total") + poller.counter("resolution_disagreements_total")
            > 0
        )

    found = recorded(tmp_path / "d", run_dir, answer, done)
    assert found.counter("resolution_disagreements_total") == 1
    assert "sources disagree on an outcome" in found.log


def test_sources_that_disagree_are_kept_and_shown_and_hold_no_problem(tmp_path: Path, run_dir: Path) -> None:
    def done(poller: Alone, _server: Server) -> bool:
        return poller.counter("resolution_disagreements_total") == 1

    found = recorded(tmp_path / "d", run_dir, lambda handler: good(handler, data=1), done)
    assert found.shown.disagreements == ("w: data_api says Down, gamma says Up",)
    assert '"problem"' not in found.log, "the recording is well"


def test_a_window_that_nobody_resolves_is_given_up(tmp_path: Path, run_dir: Path) -> None:
    def done(poller: Alone, _server: Server) -> bool:
        return poller.counter("resolutions_given_up_total") == 1

    answer = lambda handler: good(handler, gamma=None, data=None)  # noqa: E731
    found = recorded(tmp_path / "d", run_dir, answer, done, give_up_after_seconds=62)
    assert found.shown.given_up == 1
    assert "outcome given up" in found.log


def test_metadata_is_a_row_when_it_is_first_seen_and_when_it_has_changed(
    tmp_path: Path, run_dir: Path
) -> None:
    tick = "0.01"
    questions = 0

    def answer(handler: Handler) -> None:
        nonlocal tick, questions
        if handler.path.startswith("/v2/"):
            good(handler, data=None)
            return
        questions += 1
        tick = "0.001" if questions > 3 else "0.01"
        handler.reply(200, gamma_body(winner=None, orderPriceMinTickSize=tick, updatedAt=questions))

    def done(_poller: Alone, _server: Server) -> bool:
        return questions >= 6

    found = recorded(
        tmp_path / "d", run_dir, answer, done, interval_seconds=600, longest_interval_seconds=600
    )
    ticks = [
        row["response"]["raw_response_json"]["orderPriceMinTickSize"]
        for row in found.rows
        if row["record_type"] == "market_metadata"
    ]
    assert ticks == ["0.01", "0.001"]


def kept(data_root: Path) -> list[Waiting]:
    return WaitingFile(data_root, "simulated").load()


def test_windows_that_end_while_a_killed_poller_is_away_are_asked_for_by_its_successor(
    tmp_path: Path, run_dir: Path
) -> None:
    data_root = tmp_path / "d"
    with EmbeddedExchange(SimulationOptions(rate=0, window_seconds=6), tmp_path / "exchange") as exchange:
        shown = current_markets(exchange.urls)
        discover(data_root, *map(market_of, shown), exchange="simulated")
        given = settings(exchange.urls.gamma_url, exchange.urls.data_url)
        start = partial(alone, run_dir=run_dir, data_root=data_root, settings=given, exchange="simulated")
        with start("archive_writer", name="archive_writer-0") as writer:
            with start("resolution_poller") as poller:
                wait_for(
                    lambda: [bool(each.metadata_sha256) for each in kept(data_root)] == [True] * len(shown),
                    what="all metadata to be kept",
                )
                poller.kill()
            discover(data_root, exchange="simulated")
            with start("resolution_poller") as poller:
                poller.wait_for_counter("windows_resolved_total", len(shown))
                assert poller.stop() == 0, poller.log
            assert writer.stop() == 0, writer.log
        winners = {each["slug"]: winner_of(exchange, each["slug"]) for each in shown}
    found = rows(data_root)
    metadata = [row for row in found if row["record_type"] == "market_metadata"]
    assert sorted(row["tokens_tracked"][0]["market_slug"] for row in metadata) == sorted(winners)
    assert findings(data_root) == []
    told = [(market["slug"], told_by_gamma(market)) for market in answers_of_gamma(found)]
    assert {slug: each.winner for slug, each in told if each} == winners


def answers_of_gamma(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = [row["response"]["raw_response_json"] for row in found if "/markets/" in row["request"]["url"]]
    return [market for market in shown if "slug" in market]


def winner_of(exchange: EmbeddedExchange, slug: str) -> str:
    market = requests.get(f"{exchange.urls.gamma_url}/markets/slug/{slug}", headers=AGENT, timeout=30).json()
    return str(json.loads(market["outcomes"])[json.loads(market["outcomePrices"]).index("1")])


def market_of(shown: dict[str, Any]) -> Market:
    slug, condition, end = shown["slug"], shown["conditionId"].ljust(66, "0"), shown["endDate"]
    tokens = tuple(
        Token(slug, condition, token_id, name, end)
        for token_id, name in zip(tokens_of(shown), json.loads(shown["outcomes"]), strict=True)
    )
    return Market(slug, condition, "btc-up-or-down-5m", shown["eventStartTime"], end, tokens)


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"[]", b'{"exchange":"live","waiting":[{"slug":1}]}'])
def test_a_damaged_file_of_what_is_waited_for_is_begun_afresh(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "discovery" / FILE_NAME
    path.parent.mkdir()
    path.write_bytes(damage)
    file = WaitingFile(tmp_path, "live")
    assert file.load() == []
    assert file.save([])
    assert path.read_bytes() != damage


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "discovery" / FILE_NAME
    path.parent.mkdir()
    path.write_text('{"format_version":99,"exchange":"live","waiting":[]}')
    file = WaitingFile(tmp_path, "live")
    assert file.load() == []
    assert file.save([])
    assert '"format_version":99' in path.read_text()
