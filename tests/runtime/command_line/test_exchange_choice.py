import argparse
import logging
from pathlib import Path

import pytest

from common.config import ExchangeSettings, PathSettings, Settings
from common.core.market import Exchange
from common.errors import ConfigError
from common.runtime.command_line.exchange_choice import (
    add_exchange_arguments,
    chosen_exchange,
    exchange_of_run,
)
from common.runtime.data_root import claim_data_root
from tests.polymarket.loopback import Handler, serving


def choice(gamma_url: str, data_root: Path, asked: Exchange = "live") -> Exchange:
    settings = Settings(
        exchange=ExchangeSettings(gamma_url=gamma_url), paths=PathSettings(data_root=str(data_root))
    )
    return exchange_of_run(argparse.Namespace(exchange=asked), settings)


def closed_port() -> str:
    with serving(lambda _handler: None) as server:
        return server.url


def test_configured_urls_of_the_embedded_exchange_are_found_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def simulated(handler: Handler) -> None:
        handler.reply(200, b"[]", {"X-Exchange": "simulated"})

    with serving(simulated) as server, caplog.at_level(logging.WARNING):
        assert choice(server.url, tmp_path) == "simulated"
    assert [record.message for record in caplog.records] == [
        "the configured URLs are the embedded exchange's: this run is simulated"
    ]


def test_whoever_does_not_say_so_is_live(tmp_path: Path) -> None:
    with serving(lambda handler: handler.reply(500, b"")) as server:
        assert choice(server.url, tmp_path) == "live"


def test_the_embedded_exchange_of_the_command_itself_need_not_be_asked(tmp_path: Path) -> None:
    assert choice(closed_port(), tmp_path, "simulated") == "simulated"


def test_where_nobody_answers_a_simulated_recording_goes_on_only_on_this_machine(tmp_path: Path) -> None:
    assert choice(closed_port(), tmp_path) == "live"
    claim_data_root(tmp_path, "simulated", 1)
    assert choice(closed_port(), tmp_path) == "simulated"
    with pytest.raises(ConfigError, match="holds simulated data and this run would record live data"):
        choice("https://exchange.invalid", tmp_path)


def test_a_simulated_run_takes_its_reference_prices_from_the_embedded_exchange_too() -> None:
    parser = argparse.ArgumentParser()
    add_exchange_arguments(parser)
    with chosen_exchange(parser.parse_args(["--exchange", "simulated"]), Settings()) as settings:
        place = settings.exchange.ws_url.removesuffix("/ws/market")
        assert settings.reference.rtds_url == f"{place}/rtds"
        assert settings.reference.binance_url == f"{place}/stream"
        assert settings.reference.enabled
