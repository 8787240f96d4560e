import pytest

from common.network.errors import DialError
from common.network.proxies import Proxy, is_loopback, proxy_for

PROXY = "http://proxy.example:3128"


def found(scheme: str, host: str, **environment: str) -> str | None:
    proxy = proxy_for(scheme, host, 443, environment)
    return None if proxy is None else f"{proxy.variable}={proxy.scheme}://{proxy.host}:{proxy.port}"


@pytest.mark.parametrize("schemes", [("ws", "http"), ("wss", "https")])
def test_websocket_and_rest_are_led_alike(schemes: tuple[str, str]) -> None:
    other = "https_proxy" if schemes[0] == "ws" else "http_proxy"
    variable = "http_proxy" if schemes[0] == "ws" else "https_proxy"
    for scheme in schemes:
        assert found(scheme, "a.example", **{variable: PROXY}) == f"{variable}={PROXY}"
        assert found(scheme, "a.example", **{variable.upper(): PROXY}) == f"{variable.upper()}={PROXY}"
        assert found(scheme, "a.example", **{other: PROXY}) is None
        assert found(scheme, "a.example", ALL_PROXY="socks5://s:1") == "ALL_PROXY=socks5://s:1"
        assert (
            found(scheme, "a.example", **{"all_proxy": "socks5://s:1", variable: PROXY})
            == f"{variable}={PROXY}"
        )


def test_lower_case_beats_upper_case_and_set_but_empty_it_means_none() -> None:
    assert (
        found("wss", "a.example", https_proxy="http://low:1", HTTPS_PROXY=PROXY) == "https_proxy=http://low:1"
    )
    assert found("wss", "a.example", https_proxy="", HTTPS_PROXY=PROXY) is None
    assert found("wss", "a.example", HTTPS_PROXY=PROXY, no_proxy="", NO_PROXY="*") == f"HTTPS_PROXY={PROXY}"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "x.localhost", "::1", "[::1]", "::ffff:127.0.0.1"],
)
def test_loopback_never_goes_through_a_proxy(host: str) -> None:
    assert is_loopback(host)
    assert found("ws", host, http_proxy=PROXY, all_proxy=PROXY) is None


@pytest.mark.parametrize("host", ["128.0.0.1", "localhost.example", "notlocalhost", "::2", "10.0.0.1"])
def test_what_only_looks_like_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)
    assert found("ws", host, http_proxy=PROXY) == f"http_proxy={PROXY}"


@pytest.mark.parametrize(
    ("no_proxy", "host", "exempt"),
    [
        ("*", "a.example", True),
        ("a.example", "a.example", True),
        ("a.example", "x.a.example", True),
        (".a.example", "x.a.example", True),
        (".a.example", "a.example", True),
        ("*.a.example", "x.a.example", True),
        ("A.Example", "a.example.", True),
        ("a.example", "ba.example", False),
        ("b.example, a.example", "a.example", True),
        ("b.example a.example", "a.example", True),
        ("a.example:443", "a.example", True),
        ("a.example:80", "a.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("10.1.2.3:80", "10.1.2.3", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::1", True),
        ("10.0.0.0/8", "2001:db8::1", False),
        ("", "a.example", False),
        (",,", "a.example", False),
        (".", "a.example", False),
    ],
)
def test_hosts_that_no_proxy_names_are_reached_directly(no_proxy: str, host: str, *, exempt: bool) -> None:
    for variable in ("no_proxy", "NO_PROXY"):
        assert (found("wss", host, HTTPS_PROXY=PROXY, **{variable: no_proxy}) is None) is exempt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proxy.example:3128", ("http", "proxy.example", 3128, "", "")),
        ("http://proxy.example", ("http", "proxy.example", 80, "", "")),
        ("socks5h://[::1]:9", ("socks5h", "::1", 9, "", "")),
        ("socks5://s", ("socks5", "s", 1080, "", "")),
        ("http://me:p%40ss@proxy.example:1", ("http", "proxy.example", 1, "me", "p@ss")),
    ],
)
def test_a_proxy_is_read_with_its_defaults(text: str, expected: tuple[object, ...]) -> None:
    assert proxy_for("wss", "a.example", 443, {"HTTPS_PROXY": text}) == Proxy("HTTPS_PROXY", *expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["http://", "http://host:port", "http://me:secret@host:99999", "://", "http://[x"]
)
def test_a_variable_that_names_no_proxy_is_named_and_no_secret_is(text: str) -> None:
    with pytest.raises(
        DialError, match=r"^HTTPS_PROXY: names no proxy that can be used; set it to http://"
    ) as caught:
        proxy_for("wss", "a.example", 443, {"HTTPS_PROXY": text})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["https", "socks4", "socks4a", "socks", "ftp"])
def test_a_kind_of_proxy_that_is_not_supported_is_named(kind: str) -> None:
    with pytest.raises(
        DialError, match=rf"^ALL_PROXY: a proxy of the kind {kind}:// is not supported; set it to"
    ):
        proxy_for("wss", "a.example", 443, {"ALL_PROXY": f"{kind}://me:secret@host:1"})


def test_user_and_password_are_in_its_url_and_in_no_message() -> None:
    proxy = Proxy("HTTPS_PROXY", "http", "::1", 3128, "me", "p@ss/")
    assert proxy.url == "http://me:p%40ss%2F@[::1]:3128"
    assert str(proxy) == "the proxy http://[::1]:3128 (from HTTPS_PROXY)"
