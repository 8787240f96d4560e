import pytest

from common.core.exchange_told import exchange_of, exchange_of_headers, is_loopback


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("ws://127.0.0.1:80/ws/market", True),
        ("http://127.9.9.9/", True),
        ("http://localhost:1/gamma", True),
        ("http://LOCALHOST/", True),
        ("http://[::1]:5/", True),
        ("wss://ws-subscriptions-clob.polymarket.com/ws/market", False),
        ("https://10.0.0.1/", False),
        ("https://localhost.example.org/", False),
        ("http://127.0.0.1.example.org/", False),
        ("http://[oops", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(url: str, loopback: bool) -> None:  # noqa: FBT001
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("stated", "url", "exchange"),
    [
        ("live", "ws://127.0.0.1/", "live"),
        ("simulated", "wss://exchange.test/", "simulated"),
        (None, "ws://127.0.0.1/", "simulated"),
        (None, "wss://exchange.test/", "live"),
        ("a later word", "wss://exchange.test/", "live"),
    ],
)
def test_what_is_stated_counts_before_the_url(stated: str | None, url: str, exchange: str) -> None:
    assert exchange_of(stated, url) == exchange


@pytest.mark.parametrize(
    ("headers", "exchange"),
    [
        ({}, "live"),
        ({"x-exchange": "simulated"}, "simulated"),
        ({"x-exchange": " Simulated "}, "simulated"),
        ({"x-exchange": "nyse"}, "live"),
    ],
)
def test_only_the_embedded_exchange_says_that_it_is_simulated(headers: dict[str, str], exchange: str) -> None:
    assert exchange_of_headers(headers) == exchange
