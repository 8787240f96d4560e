"""What the recorder is compared with: one process, one loop, nothing promised. Each ends when the exchange closes.

`naive` is what a user writes first: websocket-client as it comes, json, hashlib, gzip. `best` is the best that can
be had of one loop: websockets, orjson with the constant parts encoded once, ISA-L. `floor` takes bytes from the
socket and writes them compressed: no frames, no rows, no hash.
"""

import asyncio
import gzip
import hashlib
import io
import json
import os
import ssl
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson
import websocket
import websockets
from isal import igzip

from common.core.market import Token
from common.polymarket.market_channel import subscribe_first

PIECE_BYTES = 262_144
BUFFER_BYTES = 65_536


class Constants:
    """What every row of a session has in common."""

    def __init__(self, tokens: list[Token], url: str) -> None:
        ids = [token.token_id for token in tokens]
        self.subscribe = subscribe_first(ids)
        self.fields: dict[str, Any] = {
            "schema_version": 1,
            "record_type": "message",
            "producer": "one-loop",
            "session_id": "one-loop-c1",
            "connection_sequence": 1,
            "websocket": {"url": url},
            "subscription": {"revision": 1, "assets_ids": ids},
            "tokens_tracked": msgspec.to_builtins(tokens),
        }


def _kinds(message: object) -> list[str]:
    events = message if isinstance(message, list) else [message]
    return sorted({str(event.get("event_type")) for event in events if isinstance(event, dict)})


def naive(url: str, constants: Constants, path: Path) -> None:
    """Everything as it comes."""
    connection = websocket.create_connection(url)
    connection.send(constants.subscribe)
    number = 0
    with gzip.open(path, "wb") as file:
        while text := connection.recv():
            assert isinstance(text, str)
            number += 1
            payload = text.encode()
            now = datetime.now(UTC)
            message = json.loads(text)
            row = {
                **constants.fields,
                "received_at_utc": now.isoformat(),
                "received_at_ns": time.time_ns(),
                "received_monotonic_ns": time.monotonic_ns(),
                "message_sequence": number,
                "global_message_sequence": number,
                "opcode": 1,
                "payload_length_bytes": len(payload),
                "payload_sha256": hashlib.sha256(payload).hexdigest(),
                "raw_text": text,
                "json": message,
                "json_error": None,
                "classified_event_types": _kinds(message),
            }
            file.write(json.dumps(row).encode() + b"\n")


def best(url: str, constants: Constants, path: Path) -> None:
    """The fastest parts there are, put together with care."""
    asyncio.run(_best(url, constants, path))


async def _best(url: str, constants: Constants, path: Path) -> None:
    fixed = {name: orjson.Fragment(orjson.dumps(value)) for name, value in constants.fields.items()}
    trust = ssl.create_default_context(cafile=os.environ.get("WEBSOCKET_CLIENT_CA_BUNDLE"))
    secure = trust if url.startswith("wss") else None
    number = 0
    async with websockets.connect(url, compression=None, max_size=None, ssl=secure) as connection:
        await connection.send(constants.subscribe)
        with _compressed(path) as file:
            while True:
                try:
                    payload = await connection.recv(decode=False)
                except websockets.ConnectionClosed:
                    return
                number += 1
                at_ns = time.time_ns()
                message = orjson.loads(payload)
                row = {
                    **fixed,
                    "received_at_utc": datetime.fromtimestamp(at_ns / 1e9, UTC),
                    "received_at_ns": at_ns,
                    "received_monotonic_ns": time.monotonic_ns(),
                    "message_sequence": number,
                    "global_message_sequence": number,
                    "opcode": 1,
                    "payload_length_bytes": len(payload),
                    "payload_sha256": hashlib.sha256(payload).hexdigest(),
                    "raw_text": payload.decode(),
                    "json": orjson.Fragment(payload.strip()),
                    "json_error": None,
                    "classified_event_types": _kinds(message),
                }
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _compressed(path: Path) -> io.BufferedWriter:
    return io.BufferedWriter(igzip.open(path, "wb", compresslevel=1), BUFFER_BYTES)  # type: ignore[no-untyped-call]


def floor(url: str, constants: Constants, path: Path) -> None:
    """What no recorder can be below on this machine, in this language."""
    connection = websocket.create_connection(url)
    connection.send(constants.subscribe)
    plain = connection.sock
    assert plain is not None
    with _compressed(path) as file:
        while piece := plain.recv(PIECE_BYTES):
            file.write(piece)


WAYS: dict[str, Callable[[str, Constants, Path], None]] = {"naive": naive, "best": best, "floor": floor}


def main() -> None:
    """Be one of them, from connection to closed file."""
    parser = ArgumentParser(description="Started by the benchmark, not by hand.")
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--url", required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    tokens = msgspec.json.decode(given.tokens.read_bytes(), type=list[Token])
    WAYS[given.way](given.url, Constants(tokens, given.url), given.out)


if __name__ == "__main__":
    main()
