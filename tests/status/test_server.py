import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from common.status.answers import Headers, Page, Query, json_page, text_page
from common.status.connections import MAX_STREAMS
from common.status.server import StatusServer
from tests.waiting import wait_for

SCRIPT = Page(200, "text/javascript", b"// a script\n" * 500, etag="abc")


class FakeSite:
    """Everything that a page may have; `asked` counts what its stream was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def refusal(self, path: str, headers: Headers) -> Page | None:
        return text_page(requests.codes.forbidden, "no") if "x-no" in headers and path != "/hello" else None

    def file(self, path: str) -> Page | None:
        return SCRIPT if path == "/app.js" else None

    def view(self, path: str) -> Callable[[Query], Page] | None:
        return json_page if path == "/echo" else None

    def stream(self, path: str) -> Callable[[], bytes] | None:
        return self._event if path == "/live" else None

    def _event(self) -> bytes:
        self.asked += 1
        return b'{"asked":%d}' % self.asked


@contextmanager
def serving(site: FakeSite) -> Iterator[StatusServer]:
    server = StatusServer("127.0.0.1", 0, {"/hello": lambda: json_page("hello")}, site=site)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[StatusServer]:
    with serving(FakeSite()) as running:
        yield running


def test_head_tells_what_get_would(server: StatusServer) -> None:
    for path in ("/hello", "/app.js", "/echo"):
        get = requests.get(server.url + path, timeout=30)
        head = requests.head(server.url + path, timeout=30)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_a_file_is_compressed_and_sent_again_only_when_it_is_another(server: StatusServer) -> None:
    url = f"{server.url}/app.js"
    first = requests.get(url, timeout=30)
    assert first.content == SCRIPT.body
    assert (first.headers["Content-Encoding"], first.headers["Cache-Control"]) == ("gzip", "no-cache")
    assert int(first.headers["Content-Length"]) < len(SCRIPT.body)
    plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=30)
    assert (plain.content, plain.headers.get("Content-Encoding")) == (SCRIPT.body, None)
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=30)
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_of_this_moment_is_kept_by_nobody_and_no_script_of_others_runs(server: StatusServer) -> None:
    for path in ("/hello", "/echo", "/nothing"):
        answer = requests.get(server.url + path, timeout=30)
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_query_reaches_its_view_and_a_long_one_does_not(server: StatusServer) -> None:
    asked = {"search": "<script>&ö", "page": "2"}
    assert requests.get(f"{server.url}/echo", params=asked, timeout=30).json() == asked
    assert requests.get(f"{server.url}/echo", params={"search": "x" * 3000}, timeout=30).status_code == 414
    assert requests.get(f"{server.url}/echo?{'x' * 20_000}", timeout=30).status_code == 400


def test_who_is_refused_sees_neither_page_nor_data_nor_stream(server: StatusServer) -> None:
    for path in ("/app.js", "/echo", "/live"):
        assert requests.get(server.url + path, headers={"X-No": "1"}, timeout=30).status_code == 403
    assert requests.get(f"{server.url}/hello", headers={"X-No": "1"}, timeout=30).ok


def test_events_flow_while_somebody_looks_and_nothing_is_made_before_or_after() -> None:
    site = FakeSite()
    with serving(site) as server:
        assert requests.get(f"{server.url}/hello", timeout=30).ok
        assert site.asked == 0
        with requests.get(f"{server.url}/live", stream=True, timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert [next(lines), next(lines), next(lines)] == [
                b'data: {"asked":1}',
                b"",
                b'data: {"asked":2}',
            ]


def test_open_pages_are_bounded_and_do_not_keep_monitoring_out() -> None:
    with serving(FakeSite()) as server:
        clients = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(MAX_STREAMS)]
        try:
            for client in clients:
                client.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.recv(12) == b"HTTP/1.1 200"
            assert requests.get(f"{server.url}/live", timeout=30).status_code == 503
            assert requests.get(f"{server.url}/hello", timeout=30).ok
        finally:
            for client in clients:
                client.close()

        def has_room() -> bool:
            with requests.get(f"{server.url}/live", stream=True, timeout=30) as answer:
                return answer.ok

        wait_for(has_room, what="room for a page after others were closed")
