"""Websocket and REST go through the proxies that the environment names, and say what is wrong with one."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from common.errors import ExchangeError
from common.polymarket.http import fetch, open_session
from tests.doubles import proxies
from tests.doubles.proxies import ProxyServer, Script, answers, says_nothing, socks, tunnels
from tests.doubles.websocket_server import Peer, WebsocketServer
from tests.network.certificates import server_context, trusted
from tests.network.places import refusing
from tests.polymarket.connections import connect

HOST = "exchange.example"  # known to the proxies of these tests alone
Ask = Callable[[str, float], object]


def by_websocket(scheme: str, timeout_s: float = 20) -> object:
    connection = connect(f"{scheme.replace('http', 'ws')}://{HOST}/ws", timeout_s=timeout_s)
    connection.send_text("over")
    connection.close()
    return 200


def by_rest(scheme: str, timeout_s: float = 20) -> object:
    with open_session() as session:
        return fetch(session, "GET", f"{scheme}://{HOST}/books", timeout_s=timeout_s).status_code


@pytest.fixture(params=[by_websocket, by_rest], ids=["websocket", "rest"])
def ask(request: pytest.FixtureRequest) -> Ask:
    kind: Ask = request.param
    return kind


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    authority = trustme.CA()
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted(authority, tmp_path / "ca.pem")))
    return authority


def exchange(peer: Peer) -> None:
    peer.read_request()
    if b"sec-websocket-key" in peer.request.lower():
        peer.accept()
        peer.read_frame()
    else:
        peer.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_what_is_encrypted_goes_through_a_tunnel(
    ask: Ask, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with (
        WebsocketServer(exchange, tls=server_context(authority, HOST)) as beyond,
        ProxyServer(tunnels(beyond.port)) as proxy,
    ):
        monkeypatch.setenv(variable, f"http://{proxy.address}")
        assert ask("https", 20) == 200
    assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]


def test_what_is_plain_goes_through_its_proxy_too(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with WebsocketServer(exchange) as beyond, ProxyServer(tunnels(beyond.port)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        assert ask("http", 20) == 200
    expected = {by_websocket: f"CONNECT {HOST}:80 HTTP/1.1", by_rest: f"GET http://{HOST}/books HTTP/1.1"}
    assert proxy.asked == [expected[ask]]  # type: ignore[index]


@pytest.mark.parametrize("kind", ["socks5", "socks5h"])
@pytest.mark.parametrize("user", ["", "me:p@ss"])
def test_socks_works(
    ask: Ask, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, kind: str, user: str
) -> None:
    with (
        WebsocketServer(exchange, tls=server_context(authority, HOST)) as beyond,
        ProxyServer(socks(beyond.port, user=user)) as proxy,
    ):
        secret = user.replace("p@ss", "p%40ss") + "@" if user else ""
        monkeypatch.setenv("ALL_PROXY", f"{kind}://{secret}{proxy.address}")
        if kind == "socks5h":
            assert ask("https", 20) == 200
            assert proxy.asked == [f"{HOST}:443"], "the proxy resolves the name"
        else:
            with pytest.raises(ExchangeError, match=f"{HOST} could not be resolved"):
                ask("https", 20)


BROKEN: dict[str, tuple[Callable[[ProxyServer], Script], str]] = {
    "silent": (says_nothing, r"did not answer within 0\.3 s"),
    "password": (
        tunnels(1, user="me:right"),
        r"wants a user name and a password \(HTTP 407\): set HTTPS_PROXY to http://user",
    ),
    "refuses": (answers(b"HTTP/1.1 403 Forbidden\r\n\r\n"), rf"did not connect to {HOST}:443 \(HTTP 403\)"),
    "garbage": (answers(b"SSH-2.0-OpenSSH\r\n\r\n"), r"did not answer in HTTP \(but with b'SSH-2\.0-OpenSSH"),
    "leaves": (answers(b""), r"closed the connection"),
    "endless": (answers(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), r"headers of more than 64 KiB"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_proxy_that_does_not_do_its_work_is_named_as_the_proxy(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    make, words = BROKEN[kind]
    with ProxyServer(make) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        begun = time.monotonic()
        seconds = 0.3 if kind == "silent" else 20
        expected = rf"the proxy http://{proxy.address} \(from HTTPS_PROXY\) .*{words}"
        if kind == "silent" and ask is by_rest:
            expected = (
                rf"{HOST} did not answer within 0\.3 s"  # the whole request's limit, reached first or not
            )
            expected += rf"|{words}"
        with pytest.raises(ExchangeError, match=expected):
            ask("https", seconds)
        assert time.monotonic() - begun < 10


def test_a_wrong_password_and_a_socks_proxy_that_refuses_are_told(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(tunnels(1, user="me:right")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:wrong@{proxy.address}")
        with pytest.raises(ExchangeError, match=r"does not accept user and password \(HTTP 407\)") as caught:
            ask("https", 20)
        assert "wrong" not in str(caught.value)
    for user, reply, words in (
        ("a:b", 0, "wants a user name and a password: set ALL_PROXY to socks5h://user:password@host:port"),
        ("", 2, rf"did not connect to {HOST}:443 \(not allowed by its rules\)"),
    ):
        monkeypatch.delenv("HTTPS_PROXY", raising=False)
        with ProxyServer(proxies.socks(1, user=user, reply=reply)) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"socks5h://{proxy.address}")
            with pytest.raises(ExchangeError, match=words):
                ask("https", 20)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_or_whose_name_is_unknown_is_named_as_the_proxy(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    variable = f"{scheme}_proxy"
    with refusing() as closed:
        place = f"127.0.0.1:{closed.sockaddr[1]}"
        monkeypatch.setenv(variable, f"http://{place}")
        named = (
            rf"the proxy http://{place} \(from {variable}\) cannot be used: {place} refused the connection"
        )
        with pytest.raises(ExchangeError, match=named):
            ask(scheme, 20)
    monkeypatch.setenv(variable, "http://no-such-proxy.invalid:1")
    with pytest.raises(
        ExchangeError, match=r"the proxy .* cannot be used: no-such-proxy\.invalid could not be resolved"
    ):
        ask(scheme, 20)


def test_what_is_on_this_machine_is_asked_directly_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with WebsocketServer(exchange) as server:
        connect(server.url).close()
        with open_session() as session:
            url = server.url.replace("ws:", "http:")
            assert fetch(session, "GET", url, timeout_s=20).status_code == 200
