import gzip
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from common.core.market import Exchange
from common.errors import ExchangeError
from common.polymarket.exchange_probe import exchange_at
from common.polymarket.http import PAUSE_S, Session, fetch, open_session
from tests.end_to_end.running import ROOT
from tests.polymarket.loopback import Answer, Handler, serving


@pytest.fixture
def session() -> Iterator[Session]:
    with open_session() as opened:
        yield opened


def plain(handler: Handler) -> None:
    handler.reply(200, b"[]\n", {"X-Odd": "1", "Set-Cookie": "a=b"})


def dribble(handler: Handler, part: bytes) -> None:
    while True:
        handler.wfile.write(part)
        handler.wfile.flush()
        time.sleep(0.05)


def dribbled_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    dribble(handler, b"a")


def dribbled_body(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    dribble(handler, b"a")


def wait_until_no_request_runs() -> None:
    deadline = time.monotonic() + 10
    while any(thread.name == "fetch" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a request outlived its deadline"
        time.sleep(0.01)


def test_an_answer_comes_whole_with_lower_case_header_names(session: Session) -> None:
    with serving(plain) as server:
        answer = fetch(session, "GET", server.url + "/a?b=c", timeout_s=5)
        assert (answer.status_code, answer.body, answer.headers["x-odd"]) == (200, b"[]\n", "1")
        assert answer.elapsed_ms > 0
        assert server.requests[0].path == "/a?b=c"
        assert str(server.requests[0].headers["User-Agent"]).startswith("orderbooks-ws-recorder/")


def test_a_body_is_sent_as_json_and_no_cookie_is_ever_given_back(session: Session) -> None:
    with serving(plain) as server:
        for _ in range(2):
            fetch(session, "POST", server.url, body=b'[{"token_id":"1"}]', timeout_s=5)
        last = server.requests[-1]
        assert last.sent_body == b'[{"token_id":"1"}]'
        assert last.headers["Content-Type"] == "application/json"
        assert last.headers["Cookie"] is None


@pytest.mark.parametrize("status", [301, 404, 429, 500])
def test_any_status_is_an_answer_and_redirects_are_not_followed(session: Session, status: int) -> None:
    with serving(lambda handler: handler.reply(status, b"no", {"Location": "/elsewhere"})) as server:
        assert fetch(session, "GET", server.url, timeout_s=5).status_code == status
        assert len(server.requests) == 1


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    with serving(plain) as server:
        assert fetch(session, "GET", server.url, timeout_s=5).status_code == 200


@pytest.mark.parametrize("hang", [dribbled_headers, dribbled_body], ids=["headers", "body"])
def test_a_dribbling_host_is_cut_at_the_deadline(session: Session, hang: object) -> None:
    assert callable(hang)
    with serving(hang) as server:
        started = time.monotonic()
        with pytest.raises(ExchangeError, match=r"^127\.0\.0\.1:\d+ did not answer within 0\.3 s$"):
            fetch(session, "GET", server.url, timeout_s=0.3)
        assert time.monotonic() - started < 3
        wait_until_no_request_runs()


def test_a_host_is_not_blamed_for_the_time_in_which_this_process_stood_still() -> None:
    limit_s = 3.0
    asked, go_on, answered = threading.Event(), threading.Event(), threading.Event()

    def late(handler: Handler) -> None:
        asked.set()
        go_on.wait(20)
        plain(handler)
        answered.set()

    script = (
        "import sys\nfrom common.polymarket.http import fetch, open_session\n"
        "print(fetch(open_session(), 'GET', sys.argv[1], timeout_s=float(sys.argv[2])).status_code)"
    )
    with (
        serving(late) as server,
        subprocess.Popen(
            [sys.executable, "-c", script, server.url, str(limit_s)], cwd=ROOT, stdout=subprocess.PIPE
        ) as process,
    ):
        assert asked.wait(20)
        process.send_signal(signal.SIGSTOP)
        time.sleep(limit_s + PAUSE_S + 0.5)
        go_on.set()
        assert answered.wait(20)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=20)[0] == b"200\n"


def test_after_a_cut_the_session_works_again(session: Session) -> None:
    with serving(dribbled_headers) as server:
        with pytest.raises(ExchangeError):
            fetch(session, "GET", server.url, timeout_s=0.2)
        server.answer = plain
        assert fetch(session, "GET", server.url, timeout_s=5).status_code == 200


def test_a_silent_host_did_not_answer(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ExchangeError, match=r"did not answer within 0\.2 s"):
            fetch(session, "GET", f"http://127.0.0.1:{port}/", timeout_s=0.2)
    wait_until_no_request_runs()


def test_a_closed_port_refused_the_connection(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ExchangeError, match=f"127.0.0.1:{port} refused the connection"):
        fetch(session, "GET", f"http://127.0.0.1:{port}/", timeout_s=5)


def test_a_cut_answer_is_no_answer(session: Session) -> None:
    def cut(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"12345")
        handler.close_connection = True

    with serving(cut) as server, pytest.raises(ExchangeError, match="broke the connection"):
        fetch(session, "GET", server.url, timeout_s=5)


def test_a_bomb_is_refused(session: Session) -> None:
    bomb = gzip.compress(bytes(80 << 20), 1)
    with (
        serving(lambda handler: handler.reply(200, bomb, {"Content-Encoding": "gzip"})) as server,
        pytest.raises(ExchangeError, match="answered more than 64 MiB"),
    ):
        fetch(session, "GET", server.url, timeout_s=30)


def test_a_host_without_tls_fails_the_handshake(session: Session) -> None:
    with serving(plain) as server, pytest.raises(ExchangeError, match="failed the TLS handshake"):
        fetch(session, "GET", server.url.replace("http:", "https:"), timeout_s=5)


def test_an_unknown_name_and_a_bad_url_are_named(session: Session) -> None:
    with pytest.raises(ExchangeError, match=r"^no-such-host\.invalid (could not be resolved|did not answer)"):
        fetch(session, "GET", "http://no-such-host.invalid/", timeout_s=10)
    with pytest.raises(ExchangeError, match="is not a URL"):
        fetch(session, "GET", "http://[bad/", timeout_s=5)
    with pytest.raises(ExchangeError, match="could not be asked"):
        fetch(session, "GET", "http://127.0.0.1:70000/", timeout_s=5)


def simulated(handler: Handler) -> None:
    handler.reply(404, b"", {"X-Exchange": "simulated"})


def test_a_session_hears_which_exchange_answers() -> None:
    with open_session() as opened, serving(plain) as real, serving(simulated) as embedded:
        heard = [opened.exchange]
        for server in (real, embedded):
            fetch(opened, "GET", server.url, timeout_s=10)
            heard.append(opened.exchange)
    assert heard == [None, "live", "simulated"]


@pytest.mark.parametrize(
    ("expected", "answer", "words"),
    [
        ("live", simulated, "says that it is the embedded exchange, and this run records live data"),
        ("simulated", plain, "is not the embedded exchange, and this run records simulated data"),
    ],
)
def test_an_answer_of_the_other_exchange_is_not_taken(expected: Exchange, answer: Answer, words: str) -> None:
    refusal = rf"127\.0\.0\.1:\d+ {words}.*check the URLs of exchange"
    with (
        open_session(expected) as opened,
        serving(answer) as server,
        pytest.raises(ExchangeError, match=refusal),
    ):
        fetch(opened, "GET", server.url, timeout_s=10)


def test_an_answer_of_the_expected_exchange_is_taken() -> None:
    with open_session("simulated") as opened, serving(simulated) as server:
        assert fetch(opened, "GET", server.url, timeout_s=10).status_code == 404


def test_whoever_answers_tells_which_exchange_it_is_and_silence_tells_nothing() -> None:
    with serving(simulated) as server:
        assert exchange_at(server.url) == "simulated"
    assert exchange_at(server.url) is None
    with serving(plain) as server:
        assert exchange_at(f"{server.url}/") == "live"
        assert server.requests[0].path == "/markets?limit=1"
