import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from common.archive.replay import read_archive, replay
from common.errors import ArchiveError, ConfigError
from common.runtime.playback.exchange import playing
from common.runtime.playback.options import Playback
from common.simulation.faults.catalogue import Fault
from common.simulation.options import ExchangeUrls, SimulationOptions
from common.simulation.server import ExchangeServer
from tests.archive.legs import Hearing, record
from tests.archive.markets import world_of_both_protocols
from tests.simulation.client import AGENT, Document, recipe

WORLD = world_of_both_protocols(0, 6)
PAYLOADS = [payload for _, payload in WORLD.messages]
TOKENS = [token.token_id for token in WORLD.tokens]
LIMIT_S = 120


class Visitor:
    """A client of the replay, beside it in one loop."""

    def __init__(self, http: aiohttp.ClientSession, urls: ExchangeUrls) -> None:
        self._http, self._urls = http, urls
        self.said: list[str] = []
        self.took_s = 0.0

    async def get(self, path: str) -> Document:
        async with self._http.get(f"{self._urls.clob_url}{path}", headers=AGENT) as answer:
            document: Document = await answer.json()
            return document

    async def hear(self, tokens: list[str], *, flag: bool = True, limit: int | None = None) -> list[bytes]:
        """What comes until the connection is closed, or `limit` frames."""
        heard: list[bytes] = []
        async with self._http.ws_connect(self._urls.ws_url) as socket:
            await socket.send_json({"type": "market", "assets_ids": tokens, "custom_feature_enabled": flag})
            async for message in socket:
                heard.append(message.data.encode())
                if len(heard) == limit:
                    break
            if limit is None:
                assert socket.close_code == 1001
        return heard


def visit(
    playback: Playback, scenario: Callable[[Visitor], Awaitable[None]], *, ends: bool = True
) -> Visitor:
    """Run the scenario against a replay, and then wait until the replay has ended if it is to end."""

    async def run() -> Visitor:
        said: list[str] = []
        server = ExchangeServer(SimulationOptions(), playing(playback, said.append))
        urls = await server.start()
        stop = asyncio.Event()
        runs = asyncio.create_task(_serve(server, stop))
        async with aiohttp.ClientSession() as http:
            visitor = Visitor(http, urls)
            visitor.said = said
            await asyncio.wait_for(scenario(visitor), LIMIT_S)
        if not ends:
            stop.set()
        await asyncio.wait_for(runs, LIMIT_S)
        return visitor

    return asyncio.run(run())


async def _serve(server: ExchangeServer, stop: asyncio.Event) -> None:
    try:
        await server.run_until(stop)
    finally:
        await server.stop()


def recorded(root: Path, hearing: Hearing | None = None) -> Playback:
    """To be played at full speed."""
    record(root, WORLD, hearing or Hearing())
    return Playback((root,), speed=None)


def test_who_subscribes_everything_gets_every_frame_in_its_bytes_and_a_close_at_the_end(
    tmp_path: Path,
) -> None:
    async def scenario(visitor: Visitor) -> None:
        assert await visitor.hear(TOKENS) == [b"[]\n", *PAYLOADS]

    said = visit(recorded(tmp_path), scenario).said
    assert "begins at" in said[0]
    assert f"{len(PAYLOADS)} messages were played" in said[-1]
    assert len(said) == 2, "a recording without gaps has none to tell of"


def test_who_subscribes_one_token_gets_what_is_about_it_alone(tmp_path: Path) -> None:
    async def scenario(visitor: Visitor) -> None:
        begins, opening, *frames = await visitor.hear(TOKENS[:1], flag=False)
        assert begins == b"[]\n"
        [book] = json.loads(opening)
        assert book["asset_id"] == TOKENS[0]
        assert opening[1:-2] in PAYLOADS[0], "of an array its event, byte for byte"
        about = [text for text in PAYLOADS[1:] if TOKENS[0].encode() in text]
        flagged = (b'"event_type":"best_bid_ask"', b'"event_type":"market_resolved"')
        told = [text for text in about if not any(kind in text.replace(b": ", b":") for kind in flagged)]
        assert [text for text in frames if TOKENS[0].encode() in text] == frames
        assert set(frames) <= set(told)
        changes = [text for text in told if b"price_change" in text]
        assert [text for text in frames if b"price_change" in text] == changes

    visit(recorded(tmp_path), scenario)


def test_who_comes_later_gets_the_book_of_that_instant_over_both_ways(tmp_path: Path) -> None:
    middle_ns = WORLD.messages[len(PAYLOADS) // 2][0] * 1_000_000
    playback = replace(recorded(tmp_path), since_ns=middle_ns, speed=0.001)
    expected: dict[str, Any] = {}
    for step in replay(read_archive(tmp_path, until=middle_ns)):
        expected |= {token_id: step.books.get(token_id) for token_id in step.token_ids}
    states = {
        token: (str(book.timestamp_ms), book.hash, book.bids, book.asks) for token, book in expected.items()
    }

    def state(book: Document) -> tuple[object, ...]:
        sides = (tuple((each["price"], each["size"]) for each in book[side]) for side in ("bids", "asks"))
        return (book["timestamp"], book["hash"], *sides)

    async def scenario(visitor: Visitor) -> None:
        early = {token: await visitor.get(f"/book?token_id={token}") for token in TOKENS}
        [opening] = await visitor.hear(TOKENS, limit=1)
        books = {book["asset_id"]: book for book in json.loads(opening)}
        assert {token: state(book) for token, book in books.items()} == states
        assert {token: state(book) for token, book in early.items()} == states
        assert any(recipe(book) == book["hash"] for book in early.values()), "it is the exchange's own hash"

    visit(playback, scenario, ends=False)


def test_gamma_lists_the_markets_of_the_recording_as_open_ones_without_a_window(tmp_path: Path) -> None:
    async def scenario(visitor: Visitor) -> None:
        page = await visitor.get("/markets/keyset?tag_slug=replay&closed=false")
        listed = page["markets"]
        assert {market["slug"] for market in listed} == {token.market_slug for token in WORLD.tokens}
        ids = [market.get("positionIds") or json.loads(market["clobTokenIds"]) for market in listed]
        assert sorted(itertools.chain(*ids)) == sorted(TOKENS)
        assert {market["version"] for market in listed} == {"v1", "v2"}
        assert not (await visitor.get("/markets/keyset?tag_slug=other"))["markets"]

    visit(recorded(tmp_path), scenario, ends=False)


def test_one_market_alone_can_be_played(tmp_path: Path) -> None:
    slug = WORLD.tokens[0].market_slug

    async def scenario(visitor: Visitor) -> None:
        frames = await visitor.hear(TOKENS)
        assert all(TOKENS[0].encode() in text or TOKENS[1].encode() in text for text in frames[1:])
        assert any(b"price_change" in text for text in frames)

    visit(replace(recorded(tmp_path), names=frozenset({slug})), scenario)


def test_the_distances_are_kept_and_divided_by_the_speed(tmp_path: Path) -> None:
    lasts_s = (WORLD.messages[-1][0] - WORLD.messages[0][0]) / 1000

    async def scenario(visitor: Visitor) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await visitor.hear(TOKENS)
        visitor.took_s = loop.time() - began_s

    assert visit(replace(recorded(tmp_path), speed=4.0), scenario).took_s >= lasts_s / 4


def test_a_gap_of_the_recording_is_told_with_its_reason_and_nothing_is_sent(tmp_path: Path) -> None:
    outage = (len(PAYLOADS) // 3, len(PAYLOADS) // 2)

    async def scenario(visitor: Visitor) -> None:
        frames = await visitor.hear(TOKENS)
        assert frames[1 : outage[0] + 1] == PAYLOADS[: outage[0]]
        assert len(json.loads(frames[outage[0] + 1])) == len(TOKENS), "then the books that the recorder got"
        assert frames[outage[0] + 2 :] == PAYLOADS[outage[1] :]

    said = visit(recorded(tmp_path, Hearing(outages=[outage])), scenario).said
    [gap] = [text for text in said if "gap" in text]
    assert "the session ended" in gap
    assert f"{len(TOKENS)} books" in gap


def test_a_replay_waits_for_its_first_client_and_at_full_speed_for_any(tmp_path: Path) -> None:
    async def scenario(visitor: Visitor) -> None:
        assert len(await visitor.hear(TOKENS, limit=1)) == 1
        assert (await visitor.hear(TOKENS))[-1] == PAYLOADS[-1]

    assert visit(recorded(tmp_path), scenario).said[-1].endswith("messages were played")


def test_a_market_that_was_not_recorded_and_a_fault_that_a_replay_cannot_have_are_refused(
    tmp_path: Path,
) -> None:
    playback = replace(recorded(tmp_path), names=frozenset({"not-recorded"}))

    async def scenario(visitor: Visitor) -> None:
        await visitor.hear(TOKENS)

    with pytest.raises(ArchiveError, match="not-recorded"):
        visit(playback, scenario)
    with pytest.raises(ConfigError, match="drop_change"):
        ExchangeServer(SimulationOptions(faults=(Fault("drop_change"),)), playing(playback, print))
