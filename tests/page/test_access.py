import base64
from pathlib import Path

import pytest

from common.errors import ConfigError
from common.page.access import Access, read_token

TOKEN = "correct-horse-battery"


def status(access: Access, path: str = "/", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = access.refusal(path, named)
    return 200 if refusal is None else refusal.status


def test_on_this_machine_alone_nobody_is_asked_for_a_token() -> None:
    access = Access("127.0.0.1", "")
    assert status(access, host="127.0.0.1:9108") == 200
    assert status(access, host="[::1]:9108", sec_fetch_site="same-origin") == 200
    assert status(access, host="localhost") == 200


def test_other_web_sites_get_nothing_from_this_machine() -> None:
    access = Access("127.0.0.1", "")
    assert status(access, "/api/overview", host="127.0.0.1:9108", sec_fetch_site="cross-site") == 403
    assert status(access, "/api/overview", host="rebound.example:9108") == 403


def test_on_other_addresses_there_is_no_page_without_a_token_but_health_as_before() -> None:
    access = Access("0.0.0.0", "")
    assert status(access) == status(access, "/api/markets") == 403
    for path in ("/healthz", "/livez", "/readyz", "/metrics", "/status.json"):
        assert status(access, path) == 200


def test_the_token_opens_the_page_as_bearer_and_as_password() -> None:
    access = Access("0.0.0.0", TOKEN)
    password = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    assert status(access, authorization=f"Bearer {TOKEN}", host="books.example") == 200
    assert status(access, authorization=f"Basic {password}") == 200
    for wrong in (
        "",
        f"Bearer {TOKEN}x",
        "Basic !!",
        "Basic " + base64.b64encode(b"a:b").decode(),
        "Digest x",
    ):
        assert status(access, authorization=wrong) == 401
    assert status(access, "/status.json") == 401
    assert status(access, "/metrics") == status(access, "/healthz") == 200


@pytest.mark.parametrize("text", ["short", "", "two lines of\nsixteen characters", "äöü" * 9])
def test_a_token_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="http_token_file"):
        read_token(str(path))


def test_a_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert read_token(str(path)) == TOKEN
    assert read_token("") == ""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token(str(tmp_path / "none"))
