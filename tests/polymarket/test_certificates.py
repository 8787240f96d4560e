"""What is wrong with a certificate is said alike by websocket and REST, so that a user knows what to do."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from common.errors import ExchangeError
from common.network.trust import VARIABLES
from common.polymarket.http import fetch, open_session
from tests.doubles.websocket_server import Peer, WebsocketServer
from tests.network.certificates import EXPIRED, FUTURE, server_context, trusted
from tests.polymarket.connections import connect

Ask = Callable[[str, str], object]


def by_websocket(url: str, ca_file: str) -> object:
    connection = connect(url, ca_file=ca_file)
    connection.close()
    return connection.handshake_headers


def by_rest(url: str, ca_file: str) -> object:
    with open_session(ca_file=ca_file) as session:
        return fetch(session, "GET", url.replace("wss:", "https:"), timeout_s=20).status_code


@pytest.fixture(params=[by_websocket, by_rest], ids=["websocket", "rest"])
def ask(request: pytest.FixtureRequest) -> Ask:
    kind: Ask = request.param
    return kind


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    trusted(authority, tmp_path / "ca.pem")
    return authority


def answer_either(peer: Peer) -> None:
    peer.read_request()
    if b"sec-websocket-key" in peer.request.lower():
        peer.accept()
        peer.read_frame()
    else:
        peer.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")


def told(ask: Ask, context: ssl.SSLContext, tmp_path: Path) -> str:
    with WebsocketServer(answer_either, tls=context) as server, pytest.raises(ExchangeError) as caught:
        ask(server.url, str(tmp_path / "ca.pem"))
    return str(caught.value)


def test_whom_the_setting_trusts_is_talked_to(ask: Ask, authority: trustme.CA, tmp_path: Path) -> None:
    with WebsocketServer(answer_either, tls=server_context(authority)) as server:
        assert ask(server.url, str(tmp_path / "ca.pem")) in ({}, 200)


@pytest.mark.parametrize("variable", VARIABLES)
def test_whom_a_variable_trusts_is_talked_to(
    ask: Ask, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    with WebsocketServer(answer_either, tls=server_context(authority)) as server:
        assert ask(server.url, "") in ({}, 200)


def test_an_expired_and_an_early_certificate_send_the_user_to_the_clock(
    ask: Ask, authority: trustme.CA, tmp_path: Path
) -> None:
    expired = told(ask, server_context(authority, not_after=EXPIRED), tmp_path)
    assert re.search(r"has a certificate that has expired: the clock of this machine says 20\d\d-", expired)
    early = told(ask, server_context(authority, not_before=FUTURE), tmp_path)
    assert re.search(
        r"has a certificate that is not valid yet: the clock of this machine says 20\d\d-", early
    )


def test_a_foreign_authority_sends_the_user_to_the_setting(
    ask: Ask, authority: trustme.CA, tmp_path: Path
) -> None:
    assert authority
    words = told(ask, server_context(trustme.CA()), tmp_path)
    assert "has a certificate that is not trusted (" in words
    assert f"{tmp_path / 'ca.pem'}, by websocket.ca_file" in words
    assert "name its authority's file in websocket.ca_file or SSL_CERT_FILE" in words


def test_a_certificate_for_another_name_is_told(ask: Ask, authority: trustme.CA, tmp_path: Path) -> None:
    for names in (("elsewhere.example",), ("127.0.0.2",)):
        words = told(ask, server_context(authority, *names), tmp_path)
        assert re.search(r"has a certificate for other names than 127\.0\.0\.1", words)


def test_a_host_without_tls_is_told(ask: Ask, authority: trustme.CA, tmp_path: Path) -> None:
    assert authority

    def plain(peer: Peer) -> None:
        peer.send_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.connection.recv(4096)

    with WebsocketServer(plain) as server, pytest.raises(ExchangeError, match="does not speak TLS there"):
        ask(server.url.replace("ws:", "wss:"), str(tmp_path / "ca.pem"))


def test_a_store_that_vanishes_while_running_is_a_failed_attempt_that_names_it(
    ask: Ask, authority: trustme.CA, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").unlink()
    words = told(ask, server_context(authority), tmp_path)
    assert f"websocket.ca_file: {tmp_path / 'ca.pem'} cannot be read" in words
