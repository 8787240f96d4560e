import hashlib
import json
import time
from typing import Any

import requests
import websocket

from common.core.instants import utc_text
from common.simulation.options import ExchangeUrls

AGENT = {"User-Agent": "recorder-tests/1"}
Document = dict[str, Any]


def current_markets(urls: ExchangeUrls, count: int = 2) -> list[Document]:
    now = utc_text(time.time_ns())
    query = {"closed": "false", "order": "endDate", "limit": "100", "end_date_min": now}
    page = requests.get(f"{urls.gamma_url}/markets/keyset", query, headers=AGENT, timeout=30).json()
    tradable = [market for market in page["markets"] if market["acceptingOrders"]]
    return tradable[3 : 3 + count]


def tokens_of(market: Document) -> list[str]:
    """The ids that have books, by the protocol of the market."""
    tokens: list[str] = (
        market["positionIds"] if market["version"] == "v2" else json.loads(market["clobTokenIds"])
    )
    return tokens


def condition_of(market: Document) -> str:
    """Its condition id as the websocket says it."""
    return str(market["conditionId"]).ljust(66, "0")


class Client:
    """A raw client; every receive is bounded."""

    def __init__(self, urls: ExchangeUrls) -> None:
        self.socket = websocket.create_connection(urls.ws_url, timeout=30, skip_utf8_validation=True)
        self.number = int(self.socket.headers["cf-ray"].removeprefix("simulated-"))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        if self.socket.sock is not None:
            self.socket.sock.close()

    def send(self, document: Document | str) -> None:
        self.socket.send(document if isinstance(document, str) else json.dumps(document))

    def subscribe(self, tokens: list[str], *, flag: bool = False, **more: object) -> None:
        body = {"type": "market", "assets_ids": tokens, **more}
        self.send({**body, "custom_feature_enabled": True} if flag else body)

    def receive(self) -> str:
        return self.receive_bytes().decode()

    def receive_bytes(self) -> bytes:
        opcode, data = self.socket.recv_data()
        assert opcode in (1, 2), f"closed: {data!r}"
        return bytes(data)

    def until(self, wanted: str, limit: int = 20_000) -> list[str]:
        """The frames up to the first that holds `wanted`."""
        seen = []
        for _ in range(limit):
            seen.append(self.receive())
            if wanted in seen[-1]:
                return seen
        raise AssertionError(f"no {wanted} in {limit} frames")

    def until_close(self) -> tuple[list[bytes], bytes | None]:
        """The frames up to the end, and the payload of the close frame, None when there was none."""
        seen: list[bytes] = []
        while True:
            try:
                opcode, data = self.socket.recv_data()
            except (websocket.WebSocketConnectionClosedException, ConnectionError):
                return seen, None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return seen, bytes(data)
            seen.append(bytes(data))


def recipe(book: Document) -> str:
    """The hash of a book by the published recipe, computed from a REST-like document."""
    order = ["market", "asset_id", "timestamp", "hash", "bids", "asks"]
    order += [
        "min_order_size",
        "tick_size",
        "neg_risk",
        "last_trade_price",
        *(["version"] * ("version" in book)),
    ]
    text = json.dumps({key: book[key] for key in order} | {"hash": ""}, separators=(",", ":"))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Rebuilt:
    """Books rebuilt from the stream alone; `failures` are hashes that do not recompute after their batch."""

    def __init__(self, *, neg_risk: bool = False) -> None:
        self.neg_risk = neg_risk
        self.versions: dict[str, Document] = {}
        self.levels: dict[str, dict[str, dict[str, str]]] = {}
        self.markets: dict[str, str] = {}
        self.ticks: dict[str, str] = {}
        self.trades: dict[str, str] = {}
        self.checked = 0
        self.failures: list[str] = []

    def opening(self, frame: str) -> None:
        for book in json.loads(frame):
            self.markets[book["asset_id"]] = book["market"]
            self.ticks[book["asset_id"]] = book["tick_size"]
            self.trades[book["market"]] = book["last_trade_price"]
            self.versions[book["asset_id"]] = {key: book[key] for key in ("version",) if key in book}
            self.take_book(book)

    def take_book(self, book: Document) -> None:
        assert [float(level["price"]) for level in book["bids"]] == sorted(
            float(level["price"]) for level in book["bids"]
        )
        self.levels[book["asset_id"]] = {
            "BUY": {level["price"]: level["size"] for level in book["bids"]},
            "SELL": {level["price"]: level["size"] for level in book["asks"]},
        }
        self.check(book["asset_id"], book["timestamp"], book["hash"], [])

    def change(self, entry: Document) -> None:
        side = self.levels[entry["asset_id"]][entry["side"]]
        side.pop(entry["price"], None)
        if entry["size"] != "0":
            side[entry["price"]] = entry["size"]

    def check(self, token: str, timestamp: str, stated: str, trades: list[str]) -> None:
        """Recompute; a trade that is announced only later is already in the hash."""
        self.checked += 1
        known = self.trades.get(self.markets[token], "")
        for trade in [known, *trades]:
            if self.hash(token, timestamp, trade) == stated:
                return
        self.failures.append(f"{token} {timestamp}")

    def hash(self, token: str, timestamp: str, trade: str) -> str:
        sides = self.levels[token]
        listed = {
            side: [
                {"price": price, "size": size}
                for price, size in sorted(levels.items(), key=lambda level: float(level[0]), reverse=reverse)
            ]
            for side, levels, reverse in (("bids", sides["BUY"], False), ("asks", sides["SELL"], True))
        }
        fixed = {"min_order_size": "5", "tick_size": self.ticks[token], "neg_risk": self.neg_risk}
        return recipe(
            {
                "market": self.markets[token],
                "asset_id": token,
                "timestamp": timestamp,
                "hash": "",
                **listed,
                **fixed,
                "last_trade_price": trade,
                **self.versions[token],
            }
        )
