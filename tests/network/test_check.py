from pathlib import Path

import pytest

from common.errors import EXIT_BAD_CONFIG, ConfigError
from common.network.check import check_network
from tests.end_to_end.running import run_command

LIVE = ("wss://a.example/ws", "https://b.example", "https://c.example")
PLAIN = ("ws://a.example/ws", "http://b.example", "http://c.example")
HERE = ("ws://127.0.0.1:1/ws", "http://127.0.0.1:1", "http://127.0.0.1:1")
VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


def test_a_usual_machine_is_not_refused() -> None:
    for urls in (LIVE, PLAIN, HERE):
        check_network(urls, "")


def test_certificates_that_cannot_be_read_are_refused_where_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing.pem"
    for urls in (LIVE, PLAIN, HERE):
        with pytest.raises(ConfigError, match=rf"^websocket\.ca_file: {missing} cannot be read"):
            check_network(urls, str(missing))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(missing))
    with pytest.raises(ConfigError, match=rf"^REQUESTS_CA_BUNDLE: {missing} cannot be read"):
        check_network(LIVE, "")
    check_network(PLAIN, "")


def test_a_proxy_of_an_unsupported_kind_is_refused_where_it_would_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://x:1")
    for urls in (LIVE, PLAIN):
        with pytest.raises(ConfigError, match="ALL_PROXY: a proxy of the kind socks4:// is not supported"):
            check_network(urls, "")
    check_network(HERE, "")


def test_a_url_without_a_possible_port_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"wss://a\.example:99999/ws is not a URL"):
        check_network(("wss://a.example:99999/ws",), "")


@pytest.mark.parametrize("command", ["run_recorder", "record_sample", "discover_markets"])
def test_a_command_that_cannot_dial_starts_nothing(tmp_path: Path, command: str) -> None:
    environment = {"SSL_CERT_FILE": str(tmp_path / "missing.pem")}
    ended = run_command(command, "--data-root", "d", folder=tmp_path, environment=environment)
    assert ended.returncode == EXIT_BAD_CONFIG
    assert ended.stderr.startswith(f"error: SSL_CERT_FILE: {tmp_path / 'missing.pem'} cannot be read")
    assert not (tmp_path / "d").exists()
