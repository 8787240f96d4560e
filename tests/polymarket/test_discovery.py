import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from common.config import DiscoverySettings, ExchangeSettings, Settings
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import DiscoveryFile
from common.errors import DiscoveryError
from common.polymarket.discover import discover, refresh
from common.polymarket.discovery_file import discovery_path, read_discovery_file, write_discovery_file
from common.polymarket.gamma import MAX_PAGES
from tests.core.test_selection import NOON, gamma_market
from tests.polymarket.loopback import Handler, Server, serving

Page = Callable[[dict[str, str]], dict[str, Any]]


def paged(page: Page) -> Callable[[Handler], None]:
    """Answers each query with the page that the function gives."""

    def answer(handler: Handler) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        handler.reply(200, json.dumps(page(query)).encode())

    return answer


def settings_for(server: Server, **discovery: object) -> Settings:
    return Settings(
        exchange=ExchangeSettings(gamma_url=server.url + "/"),
        discovery=msgspec.convert(discovery, DiscoverySettings),
    )


def discover_from(answer: Callable[[Handler], None], **discovery: object) -> DiscoveryFile:
    with serving(answer) as server:
        server.date = format_datetime(datetime.fromtimestamp(NOON / 1e9, UTC), usegmt=True)
        return discover(settings_for(server, **discovery), NOON)


@pytest.mark.parametrize("hours_off", [-25, 2])
def test_a_clock_that_is_off_does_not_choose_other_windows(hours_off: int) -> None:
    with serving(paged(lambda _: {"markets": [gamma_market()]})) as server:
        server.date = format_datetime(datetime.fromtimestamp(NOON / 1e9, UTC), usegmt=True)
        found = discover(settings_for(server), NOON + hours_off * 3600 * 10**9)
    assert len(found.markets) == 1
    assert found.discovered_at_utc == utc_text(NOON)
    assert found.warnings == (
        f"this machine's clock is {hours_off * 3600} s off; took the exchange's instead",
    )


def test_a_cached_answer_is_older_than_the_exchange_s_clock() -> None:
    def answer(handler: Handler) -> None:
        handler.reply(200, json.dumps({"markets": [gamma_market()]}).encode(), {"Age": "300"})

    with serving(answer) as server:
        server.date = format_datetime(datetime.fromtimestamp(NOON / 1e9 - 300, UTC), usegmt=True)
        assert discover(settings_for(server), NOON).warnings == ()


def test_all_pages_are_read_by_their_cursors() -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"markets": [gamma_market(-60)], "next_cursor": "a+b="},
        "a+b=": {"markets": [gamma_market(-60, 900)], "next_cursor": "c"},
        "c": {"markets": [gamma_market(240)], "next_cursor": None},
    }
    found = discover_from(paged(lambda query: pages[query.get("after_cursor")]))
    assert [market.series for market in found.markets] == [
        "btc-up-or-down-5m",
        "btc-up-or-down-15m",
        "btc-up-or-down-5m",
    ]
    assert found.discovered_at_utc == "2026-11-23T12:00:00.000000Z"
    assert found.warnings == ()


def test_gamma_is_asked_for_open_bitcoin_markets_that_end_within_reach() -> None:
    queries: list[dict[str, str]] = []

    def page(query: dict[str, str]) -> dict[str, Any]:
        queries.append(query)
        return {"markets": []}

    assert discover_from(paged(page), series=("btc-up-or-down-15m",)).markets == ()
    assert queries == [
        {
            "active": "true",
            "closed": "false",
            "tag_slug": "bitcoin",
            "end_date_min": "2026-11-23T11:57:00Z",
            "end_date_max": "2026-11-23T12:25:00Z",
            "order": "endDate",
            "ascending": "true",
            "limit": "100",
        }
    ]


def test_the_limit_of_the_settings_holds() -> None:
    markets = [gamma_market(-60), gamma_market(240)]
    found = discover_from(paged(lambda _: {"markets": markets}), market_limit=1)
    assert len(found.markets) == 1
    assert found.candidates[1].reason == "over the market limit"


def test_cursors_that_run_in_a_circle_end_the_discovery() -> None:
    with pytest.raises(DiscoveryError, match="run in a circle"):
        discover_from(paged(lambda _: {"markets": [gamma_market()], "next_cursor": "again"}))


def test_endless_pages_end_with_a_warning() -> None:
    def page(query: dict[str, str]) -> dict[str, Any]:
        return {"markets": [gamma_market()], "next_cursor": str(int(query.get("after_cursor", "0")) + 1)}

    found = discover_from(paged(page))
    assert len(found.markets) == 1
    assert found.warnings == (f"stopped after {MAX_PAGES} pages: markets that end last are missing",)


def test_a_page_that_fails_once_is_asked_again() -> None:
    def answer(handler: Handler) -> None:
        if len(handler.server.requests) == 1:
            handler.reply(503, b"busy", {"Retry-After": "0"})
        else:
            handler.reply(200, json.dumps({"markets": [gamma_market()]}).encode())

    assert len(discover_from(answer).markets) == 1


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b"", "answered 500"),
        (429, b"[]", "answered 429"),
        (200, b"<html>", "answered what is not JSON"),
        (200, b"[]", "answered without a list of markets"),
        (200, b'{"markets":{}}', "answered without a list of markets"),
        (200, b'{"markets":[],"next_cursor":7}', "answered a next_cursor that is no text"),
        (200, b"[" * 100_000, "nested deeper"),
    ],
)
def test_a_broken_answer_is_an_error_in_words(status: int, body: bytes, words: str) -> None:
    with pytest.raises(DiscoveryError, match=rf"127\.0\.0\.1:\d+ .*{words}.*asked twice"):
        discover_from(lambda handler: handler.reply(status, body, {"Retry-After": "0"}))


def test_a_long_retry_after_is_not_waited_for() -> None:
    def answer(handler: Handler) -> None:
        wanted = "soon" if len(handler.server.requests) == 1 else "86400"
        handler.reply(429, b"", {"Retry-After": wanted})

    started = time.monotonic()
    with pytest.raises(DiscoveryError):
        discover_from(answer)
    assert time.monotonic() - started < 60  # not a day


def test_an_exchange_that_is_not_there_is_named() -> None:
    with serving(lambda _: None) as server:
        settings = settings_for(server)
    with pytest.raises(DiscoveryError, match="refused the connection"):
        discover(settings, NOON)


def test_the_discovery_file_comes_back_as_written(tmp_path: Path) -> None:
    found = discover_from(paged(lambda _: {"markets": [gamma_market(), gamma_market(900)]}))
    path = discovery_path(tmp_path / "new")
    write_discovery_file(path, found)
    write_discovery_file(path, found)
    assert read_discovery_file(path) == found
    assert path == tmp_path / "new/discovery/polymarket_btc_markets_latest.json"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert json.loads(path.read_text())["markets"][0]["tokens"][1]["outcome"] == "Down"


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    found = discover_from(paged(lambda _: {"markets": []}))
    (tmp_path / "discovery").write_text("in the way")
    with pytest.raises(DiscoveryError, match=r"latest\.json: cannot be written \(.+\); check --data-root"):
        write_discovery_file(discovery_path(tmp_path), found)
    assert (tmp_path / "discovery").read_text() == "in the way"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no discovery file"),
        (b"", "is no discovery file"),
        (b"\xff", "is no discovery file"),
        (b"[" * 100_000, "is no discovery file"),
        (b'{"schema_version":1}', "missing required field"),
    ],
)
def test_an_unusable_discovery_file_says_what_is_wrong_and_what_to_run(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "found.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DiscoveryError, match=rf"found\.json: .*{words}.*; run bin/discover-markets"):
        read_discovery_file(path)


def test_a_file_of_another_schema_and_a_folder_are_refused(tmp_path: Path) -> None:
    found = discover_from(paged(lambda _: {"markets": []}))
    path = tmp_path / "found.json"
    write_discovery_file(path, found)
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(DiscoveryError, match="schema_version is 2, not 1"):
        read_discovery_file(path)
    with pytest.raises(DiscoveryError, match="cannot be read"):
        read_discovery_file(tmp_path)


def test_now_is_an_argument() -> None:
    with serving(paged(lambda _: {"markets": [gamma_market()]})) as server:
        assert len(discover(settings_for(server), NOON + 3600 * NS_PER_SECOND).markets) == 0


def simulated(handler: Handler) -> None:
    handler.reply(200, json.dumps({"markets": [gamma_market()]}).encode(), {"X-Exchange": "simulated"})


def test_a_discovery_states_which_exchange_it_asked(tmp_path: Path) -> None:
    assert discover_from(paged(lambda _: {"markets": []})).exchange == "live"
    found = discover_from(simulated)
    assert found.exchange == "simulated"
    write_discovery_file(discovery_path(tmp_path), found)
    assert read_discovery_file(discovery_path(tmp_path), "simulated") == found
    with pytest.raises(DiscoveryError, match=r"which is simulated, and live data is recorded; run bin/disc"):
        read_discovery_file(discovery_path(tmp_path), "live")


@pytest.mark.parametrize(
    ("source", "exchange"),
    [("http://127.0.0.1:4711/gamma", "simulated"), ("https://gamma-api.polymarket.com", "live")],
)
def test_a_discovery_file_of_an_older_version_is_judged_by_its_source(
    tmp_path: Path, source: str, exchange: str
) -> None:
    path = discovery_path(tmp_path)
    write_discovery_file(path, discover_from(paged(lambda _: {"markets": []})))
    older = json.loads(path.read_bytes()) | {"source": source}
    del older["exchange"]
    path.write_text(json.dumps(older))
    assert read_discovery_file(path).exchange == exchange


def test_a_live_refresh_neither_takes_nor_keeps_what_the_embedded_exchange_answers(tmp_path: Path) -> None:
    path = discovery_path(tmp_path)
    with serving(simulated) as server:
        server.date = format_datetime(datetime.fromtimestamp(NOON / 1e9, UTC), usegmt=True)
        assert refresh(settings_for(server), path, NOON, "simulated").markets
        before = path.read_bytes()
        with pytest.raises(DiscoveryError, match="says that it is the embedded exchange"):
            refresh(settings_for(server), path, NOON, "live")
    assert path.read_bytes() == before
    with serving(paged(lambda _: {"markets": []})) as server:
        assert refresh(settings_for(server), path, NOON, "live").markets == ()
