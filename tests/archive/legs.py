"""Legs of a world on disk: each hears the same messages, with outages, lags and clocks of its own."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from common.core.market import Token
from common.core.merging.payloads import contents_of
from common.core.rows.names import Layout
from common.core.rows.origin import Leg
from tests.archive.markets import MS, World, world_of_both_protocols
from tests.archive.recordings import Recorder

HOURS = Layout("runtime", rotation_interval_seconds=3600)


class Hearing(msgspec.Struct, frozen=True):
    """What is special about a leg. Outages are pairs of messages: cut before one, open again before the other."""

    leg: Leg = "a"
    host: str = "one"
    outages: Sequence[tuple[int, int]] = ()
    late_ms: int = 20
    wall_ahead_ms: int = 0  # from the start
    step_at: int = -1  # the wall clock gains step_ms before this message
    step_ms: int = 0
    clock_error_ms: float | None = None
    deaf_to: str = ""  # messages with this text never come
    others_order: bool = False  # of the keys
    reader: int = 0
    market: int | None = None  # the one that this reader has
    damaged: Sequence[int] = ()  # messages whose prices cannot be read
    announcements: int = 0  # that come between the messages, on this leg alone
    run: str = "20261123T120000Z"
    begins_at: int = 0  # the first message of its run
    dies_at: int | None = None  # before this message, without a word
    alone: bool = False  # its run has one leg, so that no letter is in its name


def a_world() -> World:
    """Some seconds of two markets."""
    return world_of_both_protocols(0, 15)


def record(root: Path, world: World, hearing: Hearing) -> None:
    """Record the world as one leg hears it."""
    letter = hearing.leg if hearing.host == "one" and not hearing.alone else ""
    tokens = world.tokens if hearing.market is None else world.tokens[2 * hearing.market :][:2]
    recorder = Recorder(
        root,
        f"ws_reader-{hearing.reader}{letter}-{hearing.run}-{hearing.host}{hearing.leg}",
        layout=HOURS,
        leg=hearing.leg,
        host=hearing.host,
    )
    recorder.clock_error_ms = hearing.clock_error_ms
    recorder.wall_ahead_ns = hearing.wall_ahead_ms * MS
    recorder.at_ns = (world.messages[hearing.begins_at][0] - 5) * MS
    recorder.open(*tokens)
    if hearing.begins_at:
        recorder.hear(opening_of(world, hearing.begins_at, tokens))
    cuts, opens = dict(hearing.outages), {end for _, end in hearing.outages}
    connected = True
    for number, (at_ms, payload) in enumerate(world.messages[: hearing.dies_at]):
        if number < hearing.begins_at:
            continue
        recorder.at_ns = max(recorder.at_ns, (at_ms + hearing.late_ms) * MS) + 1000
        if number == hearing.step_at:
            recorder.wall_ahead_ns += hearing.step_ms * MS
        if number in cuts:
            recorder.close_session("connection_lost")
            connected = False
        if number in opens:
            recorder.at_ns = max(recorder.at_ns - hearing.late_ms * MS, (at_ms - 1) * MS)
            recorder.open(*tokens)
            recorder.hear(opening_of(world, number, tokens))
            connected = True
        if connected and (heard := _as_heard(number, payload, tokens, hearing)) is not None:
            recorder.hear(heard)
        if connected and number < hearing.announcements:
            recorder.hear(b'{"event_type":"new_market","market":"0xnew","id":"%d"}' % (number // 3))
    recorder.at_ns += 1000
    if connected and hearing.dies_at is None:
        recorder.close_session()
    recorder.end()


def _as_heard(number: int, payload: bytes, tokens: Sequence[Token], hearing: Hearing) -> bytes | None:
    found: Any = json.loads(payload)
    if hearing.deaf_to and hearing.deaf_to.encode() in payload:
        return None
    if isinstance(found, list):
        mine = [book for book in found if book["asset_id"] in {token.token_id for token in tokens}]
        return payload if len(mine) == len(found) else json.dumps(mine).encode()
    if found["market"] not in {token.condition_id for token in tokens}:
        return None
    if number in hearing.damaged:
        return re.sub(rb'"price":"[^"]*"', b'"price":"?"', payload)
    return json.dumps(found, sort_keys=True).encode() if hearing.others_order else payload


def opening_of(world: World, number: int, tokens: Sequence[Token]) -> bytes:
    """The array of books that opens a connection before a message."""
    last_ms: dict[str, int] = {}
    for _, payload in world.messages[:number]:
        for content in contents_of(payload):
            last_ms[content.unit] = max(last_ms.get(content.unit, 0), content.exchange_ms)
    return json.dumps(
        [
            {
                "market": token.condition_id,
                "asset_id": token.token_id,
                "timestamp": str(last_ms[token.condition_id]),
                "hash": f"opening-{number}",
                "bids": _side(levels, "BUY"),
                "asks": _side(levels, "SELL"),
                "event_type": "book",
            }
            for token in tokens
            for levels in [world.truths[number - 1][token.token_id]]
        ]
    ).encode()


def _side(levels: dict[tuple[str, float], float], wanted: str) -> list[dict[str, str]]:
    prices = sorted((price for side, price in levels if side == wanted), reverse=wanted == "SELL")
    return [{"price": str(price), "size": str(levels[wanted, price])} for price in prices]
