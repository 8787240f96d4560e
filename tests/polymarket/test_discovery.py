import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.config import DiscoverySettings, ExchangeSettings, Settings
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import DiscoveryFile
from common.errors import DiscoveryError
from common.polymarket.gamma.client import MAX_PAGES, PAGE_SIZE, TOTAL_TIMEOUT_S
from common.polymarket.gamma.discover import Discoverer, discover, refresh
from common.polymarket.gamma.discovery_file import (
    discovery_path,
    latest_discovery,
    read_discovery_file,
    write_discovery_file,
)
from tests.core.discovery.test_selection import NOON, gamma_market, question
from tests.doubles.gamma import FakeGamma, fake_gamma

FIVE, FIFTEEN = "btc-up-or-down-5m", "btc-up-or-down-15m"
HOURLY = "btc-up-or-down-hourly"
S = NS_PER_SECOND
AT = NOON + 60 * S  # a minute after windows have begun


def window(start_s: int, length_s: int = 300, **changes: object) -> dict[str, Any]:
    """A window that starts so many seconds from now, as `gamma_market`, whose event has its slug and its coin's tag."""
    market = gamma_market(start_s + 60, length_s)
    event = {**market["events"][0], "slug": market["slug"], "tags": [{"slug": "bitcoin"}]}
    return {**market, "events": [event], **changes}


def windows(first_s: int = -360, last_s: int = 1200) -> list[dict[str, Any]]:
    """Those of five minutes that start in that stretch around now."""
    return [window(start_s) for start_s in range(first_s, last_s, 300)]


def settings_for(gamma: FakeGamma, **discovery: object) -> Settings:
    url = gamma.server.url
    wanted = (
        {"series": (FIVE,)}
        if not discovery.keys() & {"series", "tags", "events", "markets"}
        else {"series": ()}
    )
    return Settings(
        exchange=ExchangeSettings(gamma_url=url + "/", clob_url=url),
        discovery=msgspec.convert({**wanted, **discovery}, DiscoverySettings),
    )


@pytest.fixture
def gamma() -> Iterator[FakeGamma]:
    with fake_gamma(*windows()) as fake:
        fake.set_time(AT)
        yield fake


def discovered(gamma: FakeGamma, now_ns: int = AT, **discovery: object) -> DiscoveryFile:
    return discover(settings_for(gamma, **discovery), now_ns)


def starts(found: DiscoveryFile) -> list[int]:
    """Seconds from now at which the windows start, in the order of recording."""
    return [int(market.slug.rpartition("-")[2]) - AT // S for market in found.markets]


def kinds(found: DiscoveryFile) -> list[tuple[str, str]]:
    return [(problem.kind, problem.subject) for problem in found.problems]


def test_a_series_is_asked_for_by_its_id_and_all_that_is_due_is_taken(gamma: FakeGamma) -> None:
    found = discovered(gamma)
    assert starts(found) == [-60, 240, 540, -360]
    assert (found.warnings, found.problems, found.confirmed_empty) == ((), (), False)
    assert found.series_known == (FIVE,)
    listings = [path for path in gamma.asked if "keyset" in path]
    assert len(listings) == 1
    assert "series_id=" in listings[0]
    assert "closed=false" in listings[0]


def test_the_id_of_a_series_is_remembered(gamma: FakeGamma) -> None:
    discoverer = Discoverer(settings_for(gamma))
    discoverer.discover(AT)
    gamma.asked.clear()
    discoverer.discover(AT)
    assert len(gamma.asked) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"/series": 404, "/events/slug": 404},
        {"/series": 500, "/events": 500},
        {"/events": 404, "/series": 404},
        {"/events": 404, "/series": 404, "/markets/keyset": 404},
        {"/events": 500, "/series": 500, "/markets/keyset": 500},
        {"/events/keyset": 500, "/markets/slug": 404},
    ],
)
def test_no_single_question_is_needed(gamma: FakeGamma, broken: dict[str, int]) -> None:
    gamma.broken = broken
    found = discovered(gamma)
    assert starts(found)[:3] == [-60, 240, 540]
    assert found.problems == ()


def test_without_its_tag_a_series_is_found_by_its_dates(gamma: FakeGamma) -> None:
    gamma.markets = [window(-60, events=[]), window(240, events=[]), window(540, events=[])]
    gamma.broken = {"/markets/slug": 404}
    assert starts(discovered(gamma)) == [-60, 240, 540]


def test_a_window_that_the_listing_lacks_is_asked_for_by_its_name(gamma: FakeGamma) -> None:
    gamma.hidden = {window(-60)["slug"], window(540)["slug"]}
    found = discovered(gamma)
    assert starts(found)[:3] == [-60, 240, 540]
    assert found.problems == ()


def test_a_filter_that_is_ignored_selects_nothing_foreign(gamma: FakeGamma) -> None:
    foreign = window(
        -60, 900, slug="eth-updown-15m-1", events=[{"slug": "x", "seriesSlug": "eth-up-or-down-15m"}]
    )
    gamma.pages = lambda path, _query, _found: (
        {"events": gamma._shown("events", [foreign, *gamma.markets])}  # noqa: SLF001
        if "events" in path
        else {"markets": [foreign, *gamma.markets]}
    )
    assert starts(discovered(gamma))[:3] == [-60, 240, 540]
    assert len(discovered(gamma).markets) == 4


def test_a_tag_filter_that_is_ignored_selects_nothing(gamma: FakeGamma) -> None:
    gamma.markets = [question(), question("wind")]
    gamma.pages = lambda path, _query, _found: {"markets": gamma.markets if "markets" in path else []}
    found = discovered(gamma, tags=("weather",))
    assert (found.markets, kinds(found)) == ((), [("selection_matches_nothing", "weather")])


def test_tags_events_and_markets_are_recorded_in_any_state_of_their_dates(gamma: FakeGamma) -> None:
    news = [{"slug": "rain", "tags": [{"slug": "weather"}]}]
    gamma.markets += [
        question(events=news),
        question("wind", events=news),
        question("won", closed=True, events=news),
    ]
    assert {each.slug for each in discovered(gamma, tags=("weather",)).markets} == {"will-it-rain", "wind"}
    assert [each.slug for each in discovered(gamma, markets=("wind",)).markets] == ["wind"]
    by_id = discovered(gamma, markets=(question("wind")["conditionId"],))
    assert [(each.slug, each.selected_by) for each in by_id.markets] == [
        ("wind", (f"condition {question('wind')['conditionId']}",))
    ]
    gamma.markets[-2]["events"] = [{"slug": "wind"}]
    page = discovered(gamma, events=("https://polymarket.com/event/wind?tid=1",))
    assert [(each.slug, each.selected_by) for each in page.markets] == [("wind", ("event wind",))]
    assert (page.events, page.series) == (("https://polymarket.com/event/wind?tid=1",), ())
    for each in (by_id, page):
        assert each.problems == ()


def test_a_closed_market_that_exists_is_confirmed_to_be_nothing_to_record(gamma: FakeGamma) -> None:
    gamma.markets.append(question("won", closed=True))
    by_slug = discovered(gamma, markets=("won",))
    by_id = discovered(gamma, markets=(question("won")["conditionId"],))
    for found in (by_slug, by_id):
        assert (found.markets, found.problems, found.confirmed_empty) == ((), (), True)
    gamma.tags.add("quiet")
    assert discovered(gamma, tags=("quiet",)).confirmed_empty


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({"series": ("btc-up-or-down-6m",)}, "btc-up-or-down-6m"),
        ({"series": ("nba-2026",)}, "nba-2026"),
        ({"tags": ("bitcoins",)}, "bitcoins"),
        ({"events": ("who-knows",)}, "who-knows"),
        ({"markets": ("who-knows",)}, "who-knows"),
        ({"markets": ("0x" + "ab" * 32,)}, "0x" + "ab" * 32),
    ],
)
def test_a_name_that_matches_nothing_is_a_problem(
    gamma: FakeGamma, wanted: dict[str, Any], name: str
) -> None:
    found = discovered(gamma, **wanted)
    assert kinds(found) == [("selection_matches_nothing", name)]
    assert not found.confirmed_empty
    assert "discovery." in found.problems[0].reason


def test_a_typing_error_gets_a_suggestion(gamma: FakeGamma) -> None:
    found = discovered(gamma, series=("btc-up-or-down-6m",))
    assert f"did you mean {FIVE}?" in found.problems[0].reason


def test_a_default_series_that_the_exchange_never_had_is_a_warning_and_one_that_is_gone_a_problem(
    gamma: FakeGamma,
) -> None:
    settings = Settings(exchange=ExchangeSettings(gamma_url=gamma.server.url, clob_url=gamma.server.url))
    found = discover(settings, AT)
    assert found.problems == ()
    assert sum("knows no series" in warning for warning in found.warnings) == 4
    known = msgspec.structs.replace(found, series_known=(FIVE, HOURLY))
    again = Discoverer(settings).discover(AT, known).file
    assert kinds(again) == [("selection_matches_nothing", HOURLY)]
    gamma.markets = []
    assert len(discover(settings, AT).problems) == 5, "when nothing of it exists something is wrong"


def test_a_window_that_must_be_open_and_is_not_recorded_is_a_problem(gamma: FakeGamma) -> None:
    due = window(-60)["slug"]
    gamma.markets = [each for each in windows() if each["slug"] != due]
    gone = discovered(gamma)
    assert kinds(gone) == [("window_not_recorded", due)]
    assert "does not know it by its name" in gone.problems[0].reason
    gamma.markets.append(window(-60, closed=True))
    assert discovered(gamma).problems[0].reason.endswith("closed: settled tokens have no book")
    assert discovered(gamma, market_limit=1).problems == (), "then it is the limit that leaves windows out"


def test_live_markets_that_cannot_be_read_are_a_problem_that_names_the_field(gamma: FakeGamma) -> None:
    gamma.markets = [window(at, version="v9", clobTokenIds=None, ids="none") for at in (-60, 240)]
    found = discovered(gamma)
    assert kinds(found) == [("markets_unreadable", "version"), ("window_not_recorded", window(-60)["slug"])]
    assert "2 open markets are not recorded, as btc-updown-5m-" in found.problems[0].reason
    gamma.markets = [
        window(at, version="v9", clobTokenIds=None, ids=[f"7{at + 99:070}", f"8{at + 99:070}"])
        for at in (-60, 240)
    ]
    taken = discovered(gamma)
    assert (len(taken.markets), kinds(taken)) == (2, [("markets_unreadable", "version")])
    assert {market.protocol for market in taken.markets} == {"v9"}


def test_an_event_without_a_list_of_markets_is_a_problem(gamma: FakeGamma) -> None:
    gamma.pages = lambda path, _query, found: (
        {"events": [{**event, "markets": 7} for event in found]} if "events" in path else {"markets": []}
    )
    assert ("markets_unreadable", "markets") in kinds(discovered(gamma))


# Listings


def big(gamma: FakeGamma, count: int) -> None:
    """Many open markets of one tag, each ending a second after the one before, and their pages."""
    tag = [{"slug": "x", "tags": [{"slug": "many"}]}]
    gamma.markets = [
        question(
            f"q-{number}",
            clobTokenIds=[f"1{number:076}", f"2{number:076}"],
            conditionId=f"0x{number:064x}",
            endDate=utc_text(AT + number * S),
            events=tag,
        )
        for number in range(count)
    ]
    gamma.pages = pages()


def pages(
    *, ignore_cursor: bool = False, fail_after: int = 10**9, twice: bool = False
) -> Callable[[str, dict[str, str], list[Any]], object]:
    def page(_path: str, query: dict[str, str], found: list[Any]) -> object:
        start = 0 if ignore_cursor else int(query.get("after_cursor", "0"))
        if start >= fail_after:
            return "broken"
        shown = {"markets": found[start : start + PAGE_SIZE]}
        following = str(start + PAGE_SIZE) if not twice else "again"
        return {**shown, "next_cursor": following} if start + PAGE_SIZE < len(found) or twice else shown

    return page


def test_all_pages_are_read_by_their_cursors(gamma: FakeGamma) -> None:
    big(gamma, 250)
    found = discovered(gamma, tags=("many",))
    assert (len(found.markets), found.problems, found.warnings) == (250, (), ())


def test_a_cursor_that_is_ignored_is_replaced_by_dates(gamma: FakeGamma) -> None:
    big(gamma, 250)
    gamma.pages = pages(ignore_cursor=True)
    found = discovered(gamma, tags=("many",))
    assert (len(found.markets), found.problems) == (250, ())
    assert "cursor is ignored" in found.warnings[0]


def test_pages_in_a_circle_give_what_is_sound_and_a_problem(gamma: FakeGamma) -> None:
    big(gamma, 80)
    gamma.pages = pages(ignore_cursor=True, twice=True)
    found = discovered(gamma, tags=("many",))
    assert (len(found.markets), kinds(found)) == (80, [("discovery_incomplete", "/markets/keyset")])
    assert "circle" in found.problems[0].reason


def test_a_last_page_that_fails_leaves_the_others(gamma: FakeGamma) -> None:
    big(gamma, 250)
    gamma.pages = pages(fail_after=200)
    found = discovered(gamma, tags=("many",))
    assert (len(found.markets), kinds(found)) == (200, [("discovery_incomplete", "/markets/keyset")])


def test_more_pages_than_are_read_leave_those_that_end_last(gamma: FakeGamma) -> None:
    big(gamma, PAGE_SIZE)
    shown = gamma.markets
    gamma.pages = lambda _path, query, _found: {
        "markets": shown,
        "next_cursor": str(int(query.get("after_cursor", "0")) + 1),
    }
    found = discovered(gamma, tags=("many",))
    assert len(found.markets) == PAGE_SIZE
    assert f"stopped after {MAX_PAGES} pages" in found.problems[0].reason


def test_an_order_that_is_wrong_loses_nothing(gamma: FakeGamma) -> None:
    gamma.markets.reverse()
    assert starts(discovered(gamma)) == [-60, 240, 540, -360]


@pytest.mark.parametrize(
    "body", ["<html>", [1], {"markets": {}}, {"markets": [], "next_cursor": 7}, None, 7, "x" * 100]
)
def test_a_listing_that_is_no_listing_is_replaced_by_other_questions(gamma: FakeGamma, body: object) -> None:
    gamma.pages = lambda _path, _query, _found: body
    found = discovered(gamma)
    assert starts(found)[:3] == [-60, 240, 540]
    assert found.problems == ()


@pytest.mark.parametrize("status", [500, 429, 403])
def test_when_nothing_is_answered_it_is_one_error_with_the_reason(gamma: FakeGamma, status: int) -> None:
    gamma.broken = {"/": status}
    with pytest.raises(
        DiscoveryError, match=rf"127\.0\.0\.1:\d+ answered HTTP {status}; asked twice.*exchange.gamma_url"
    ):
        discovered(gamma)


def test_an_exchange_that_is_not_there_is_named() -> None:
    with fake_gamma() as gone:
        settings = settings_for(gone)
    with pytest.raises(DiscoveryError, match="refused the connection"):
        discover(settings, AT)


# Absent is not closed


def refreshed(discoverer: Discoverer, path: Path, at_s: int = 0) -> DiscoveryFile:
    return discoverer.refresh(path, AT + at_s * S).file


def test_an_empty_answer_drops_nothing(gamma: FakeGamma, tmp_path: Path) -> None:
    settings, path = settings_for(gamma), tmp_path / "found.json"
    before = refreshed(Discoverer(settings), path)
    gamma.markets = []
    discoverer = Discoverer(settings)
    for at_s in (10, 65, 130):
        gamma.set_time(AT + at_s * S)
        kept = refreshed(discoverer, path, at_s)
        assert set(starts(kept)) >= {-60, 240, 540}
        assert not kept.confirmed_empty
    assert [market.tokens for market in kept.markets] == [
        market.tokens for market in before.markets if market.slug != window(-360)["slug"]
    ]


def test_a_window_leaves_when_gamma_calls_it_closed_twice_and_not_before(
    gamma: FakeGamma, tmp_path: Path
) -> None:
    discoverer, path = Discoverer(settings_for(gamma)), tmp_path / "found.json"
    refreshed(discoverer, path)
    live = next(market for market in gamma.markets if market["slug"] == window(-60)["slug"])
    live["closed"] = True
    assert -60 in starts(refreshed(discoverer, path, 1))
    live["closed"] = False
    assert -60 in starts(refreshed(discoverer, path, 2)), "it was an error"
    live["closed"] = True
    assert -60 in starts(refreshed(discoverer, path, 3)), "the first of two again"
    gone = refreshed(discoverer, path, 4)
    assert -60 not in starts(gone)
    assert kinds(gone) == [("window_not_recorded", live["slug"])]


def test_a_question_leaves_when_it_is_closed_and_a_restart_forgets_nothing(
    gamma: FakeGamma, tmp_path: Path
) -> None:
    gamma.markets = [question(events=[{"slug": "will-it-rain"}])]
    settings, path = settings_for(gamma, events=("will-it-rain",)), tmp_path / "found.json"
    assert len(refreshed(Discoverer(settings), path).markets) == 1
    gamma.broken = {"/events": 404}
    assert len(refreshed(Discoverer(settings), path).markets) == 1, "by its name it is still open"
    gamma.broken = {}
    gamma.markets[0]["closed"] = True
    assert refreshed(Discoverer(settings), path).markets == (), "the event says so, and so does the market"


# Clocks


@pytest.mark.parametrize("hours_off", [-25, 2])
def test_a_clock_that_is_off_does_not_choose_other_windows(gamma: FakeGamma, hours_off: int) -> None:
    here_ns = AT + hours_off * 3600 * S
    found = discovered(gamma, here_ns)
    assert starts(found) == [-60, 240, 540, -360]
    assert abs(found.clock_offset_seconds or 0) == pytest.approx(abs(hours_off) * 3600, abs=2)
    assert kinds(found) == [("clock_off", "")]
    assert ("ahead of" if hours_off > 0 else "behind") in found.problems[0].reason
    assert found.discovered_at_utc[:16] == utc_text(here_ns)[:16], "by the clock that all else is written by"


def test_one_wrong_date_is_not_believed(gamma: FakeGamma) -> None:
    gamma.set_time(AT - 290 * S)
    with fake_gamma() as clob:
        clob.set_time(AT)
        settings = settings_for(gamma)
        settings = msgspec.structs.replace(
            settings, exchange=ExchangeSettings(gamma_url=gamma.server.url, clob_url=clob.server.url)
        )
        found = discover(settings, AT)
    assert (starts(found), found.problems) == ([-60, 240, 540, -360], ())
    assert "another host agrees" in found.warnings[0]


def test_where_nothing_decides_the_windows_of_both_clocks_are_taken(gamma: FakeGamma) -> None:
    gamma.markets += windows(7140, 7800)
    gamma.set_time(AT + 7200 * S)
    gamma.broken = {"/time": 503}
    with fake_gamma() as gone:
        nowhere = gone.server.url
    settings = settings_for(gamma)
    settings = msgspec.structs.replace(
        settings, exchange=ExchangeSettings(gamma_url=gamma.server.url, clob_url=nowhere)
    )
    assert set(starts(discover(settings, AT))) >= {-60, 240, 540, 7140, 7440}


# The discovery file


def test_the_discovery_file_comes_back_as_written(gamma: FakeGamma, tmp_path: Path) -> None:
    found = discovered(gamma)
    path = discovery_path(tmp_path / "new", DiscoverySettings())
    write_discovery_file(path, found)
    write_discovery_file(path, found)
    assert read_discovery_file(path) == found
    assert path == tmp_path / "new/discovery/polymarket_btc_markets_latest.json"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert json.loads(path.read_text())["markets"][0]["tokens"][1]["outcome"] == "Down"


def test_a_file_that_cannot_be_written_leaves_the_old_one(gamma: FakeGamma, tmp_path: Path) -> None:
    found = discovered(gamma)
    (tmp_path / "discovery").write_text("in the way")
    with pytest.raises(DiscoveryError, match=r"latest\.json: cannot be written \(.+\); check --data-root"):
        write_discovery_file(discovery_path(tmp_path, DiscoverySettings()), found)
    assert (tmp_path / "discovery").read_text() == "in the way"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is not a discovery file"),
        (b"", "is not a discovery file"),
        (b"\xff", "is not a discovery file"),
        (b"[" * 100_000, "is not a discovery file"),
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


def test_a_file_of_another_schema_and_a_folder_are_refused(gamma: FakeGamma, tmp_path: Path) -> None:
    found = discovered(gamma)
    path = tmp_path / "found.json"
    write_discovery_file(path, found)
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(DiscoveryError, match=r"schema_version is 2.* knows 1 at most"):
        read_discovery_file(path)
    with pytest.raises(DiscoveryError, match="cannot be read"):
        read_discovery_file(tmp_path)


def test_the_name_of_the_file_says_bitcoin_only_while_that_is_all(gamma: FakeGamma, tmp_path: Path) -> None:
    assert latest_discovery(tmp_path) is None
    other = discovery_path(tmp_path, DiscoverySettings(tags=("bitcoin",)))
    assert other == tmp_path / "discovery/polymarket_markets_latest.json"
    assert discovery_path(tmp_path, DiscoverySettings(series=("eth-up-or-down-5m",))) == other
    old = discovered(gamma)
    write_discovery_file(discovery_path(tmp_path, DiscoverySettings(series=(FIVE,))), old)
    new = msgspec.structs.replace(old, discovered_at_utc=utc_text(AT + 60 * S))
    write_discovery_file(other, new)
    assert latest_discovery(tmp_path) == new


def test_a_discovery_states_which_exchange_it_asked(gamma: FakeGamma, tmp_path: Path) -> None:
    assert discovered(gamma).exchange == "live"
    gamma.headers = {"X-Exchange": "simulated"}
    found = discovered(gamma)
    assert found.exchange == "simulated"
    path = tmp_path / "found.json"
    write_discovery_file(path, found)
    assert read_discovery_file(path, "simulated") == found
    with pytest.raises(DiscoveryError, match=r"which is simulated, and live data is recorded; run bin/disc"):
        read_discovery_file(path, "live")


@pytest.mark.parametrize(
    ("source", "exchange"),
    [("http://127.0.0.1:4711/gamma", "simulated"), ("https://gamma-api.polymarket.com", "live")],
)
def test_a_discovery_file_of_an_older_version_is_judged_by_its_source(
    gamma: FakeGamma, tmp_path: Path, source: str, exchange: str
) -> None:
    path = tmp_path / "found.json"
    write_discovery_file(path, discovered(gamma))
    older = json.loads(path.read_bytes()) | {"source": source}
    del older["exchange"]
    path.write_text(json.dumps(older))
    assert read_discovery_file(path).exchange == exchange


def test_a_live_refresh_neither_takes_nor_keeps_what_the_embedded_exchange_answers(
    gamma: FakeGamma, tmp_path: Path
) -> None:
    path, settings = tmp_path / "found.json", settings_for(gamma)
    gamma.headers = {"X-Exchange": "simulated"}
    assert refresh(settings, path, AT, "simulated").markets
    before = path.read_bytes()
    with pytest.raises(DiscoveryError, match="says that it is the embedded exchange"):
        refresh(settings, path, AT, "live")
    assert path.read_bytes() == before
    gamma.headers, gamma.markets = {}, []
    assert refresh(settings, path, AT, "live").markets == ()


def test_what_is_confirmed_to_be_closed_stays_listed_as_closed(gamma: FakeGamma, tmp_path: Path) -> None:
    path, discoverer = tmp_path / "found.json", Discoverer(settings_for(gamma))
    [taken, *_] = discoverer.refresh(path, AT).file.markets
    gamma.markets = [each | {"closed": each["slug"] == taken.slug} for each in gamma.markets]
    for _ in range(3):
        found = discoverer.refresh(path, AT).file
    assert taken not in found.markets
    assert found.closed == (taken.slug,)


def test_a_host_that_hangs_holds_a_start_up_for_as_long_as_it_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(exchange=ExchangeSettings(gamma_url=url, clob_url=url))
        started = time.monotonic()
        with pytest.raises(DiscoveryError, match=r"did not answer within [01]"):
            Discoverer(settings).discover(AT, patience_s=1.0)
    assert time.monotonic() - started < TOTAL_TIMEOUT_S / 2
