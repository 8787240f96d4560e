"""A recording that is played again and recorded again is the same recording."""

import json
from collections import defaultdict
from pathlib import Path

import msgspec

from common.archive.replay import read_archive, replay
from common.core.books.book import Depth
from common.core.events.kinds import EMPTY_ARRAY, PLAIN_TEXTS
from common.core.events.market_events import MarketEvent
from common.core.rows.websocket import MESSAGE_RECORD
from common.simulation.options import ExchangeUrls
from tests.archive.legs import Hearing, record
from tests.archive.markets import world_of_both_protocols
from tests.end_to_end.recorders import settings
from tests.end_to_end.running import started_command
from tests.waiting import wait_for

DEPTH = 1000


class Told(msgspec.Struct):
    """What a recording holds: each token's events in order, its last known book, and the messages."""

    events: dict[str, list[MarketEvent]]
    books: dict[str, Depth]
    payloads: list[bytes]


def told(root: Path) -> Told:
    found = Told(defaultdict(list), {}, [])
    for step in replay(read_archive(root)):
        for token_id in step.token_ids:
            book = step.books.get(token_id)
            assert step.event is not None
            assert book is not None
            found.events[token_id].append(step.event)
            found.books[token_id] = book.depth(DEPTH)
    for row in read_archive(root):
        if row.record_type == MESSAGE_RECORD and not {*PLAIN_TEXTS, EMPTY_ARRAY} & {
            *row.classified_event_types
        }:
            found.payloads.append(row.payload or b"")
    return found


def test_a_replay_that_is_recorded_has_the_same_events_and_books(tmp_path: Path) -> None:
    world = world_of_both_protocols(0, 20)
    third = len(world.messages) // 3
    record(tmp_path / "a", world, Hearing(outages=[(third, third + 40)]))
    replaying = ("--replay", "a", "--speed", "max", "--data-root", "exchange")
    with started_command("simulate_exchange", *replaying, folder=tmp_path) as exchange:
        ready = tmp_path / "exchange/simulated_exchange.json"
        wait_for(lambda: ready.exists() or exchange.poll() is not None, what="the replay to listen")
        urls = msgspec.json.decode(ready.read_bytes(), type=ExchangeUrls)
        with started_command(
            "run_recorder", "--data-root", "b", "--tag", "replay", folder=tmp_path, environment=settings(urls)
        ) as recorder:
            said = exchange.communicate(timeout=120)
            assert exchange.returncode == 0, said
            recorder.terminate()
            assert recorder.wait(timeout=120) == 0, recorder.communicate()
    assert "export RECORDER__DISCOVERY__TAGS='[replay]'" in said[0].splitlines()
    assert "export RECORDER__REFERENCE__ENABLED=false" in said[0].splitlines()
    assert "the recording has a gap" in said[1]
    assert "the recording ends" in said[1]
    one, again = told(tmp_path / "a"), told(tmp_path / "b")
    assert again.payloads == one.payloads
    assert again.events == one.events
    assert again.books == one.books
    assert set(one.books) == {token.token_id for token in world.tokens}
    tracked = json.loads((tmp_path / "b/discovery/polymarket_markets_latest.json").read_bytes())
    assert {market["slug"] for market in tracked["markets"]} == {token.market_slug for token in world.tokens}
