from pathlib import Path

import certifi
import pytest
import trustme

from common.network.errors import DialError
from common.network.trust import VARIABLES, Store, client_context, store
from tests.network.certificates import trusted


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_the_setting_comes_first_then_the_variables_then_certifi() -> None:
    environment = {"SSL_CERT_FILE": "/b", "REQUESTS_CA_BUNDLE": "/c", "CURL_CA_BUNDLE": "/d"}
    assert store("/a", environment) == Store(Path("/a"), "websocket.ca_file")
    for variable in list(environment):
        assert store("", environment) == Store(Path(environment[variable]), variable)
        environment[variable] = ""
    assert store("", environment) == Store(Path(certifi.where()), "certifi")
    assert client_context("").get_ca_certs()


def test_a_folder_of_certificates_is_a_store(tmp_path: Path) -> None:
    assert client_context(str(tmp_path)).verify_mode.name == "CERT_REQUIRED"


def test_a_store_that_is_missing_or_holds_no_certificates_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(DialError, match=rf"^websocket\.ca_file: {missing} cannot be read \(No such file"):
        client_context(str(missing))
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(DialError, match=rf"^websocket\.ca_file: {empty} holds no certificates"):
        client_context(str(empty))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(missing))
    with pytest.raises(DialError, match=rf"^REQUESTS_CA_BUNDLE: {missing} cannot be read"):
        client_context("")
    trusted(trustme.CA(), missing)
    assert len(client_context("").get_ca_certs()) == 1
