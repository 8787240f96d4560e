"""Gamma and the CLOB's REST books as one small HTTP server that knows two tokens."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UP = "71" * 38
DOWN = "29" * 38
CONDITION = "0x" + "ab" * 32


def _utc(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def market(slug: str) -> dict[str, object]:
    """A market that began a minute ago and ends in four."""
    now = time.time()
    return {
        "slug": slug,
        "conditionId": CONDITION,
        "clobTokenIds": json.dumps([UP, DOWN]),
        "outcomes": '["Up", "Down"]',
        "eventStartTime": _utc(now - 60),
        "endDate": _utc(now + 240),
        "active": True,
        "closed": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "updatedAt": _utc(now - 300),
        "events": [{"slug": slug, "seriesSlug": "btc-up-or-down-5m"}],
    }


def book(token_id: str) -> dict[str, object]:
    return {
        "market": CONDITION,
        "asset_id": token_id,
        "timestamp": "1700000000000",
        "hash": "00",
        "bids": [],
        "asks": [],
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({"markets": [market("btc-updown-5m-1700000000")], "next_cursor": ""})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer([book(each["token_id"]) for each in asked])

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def rest_server() -> Iterator[str]:
    """Its URL, for both Gamma and the CLOB."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
