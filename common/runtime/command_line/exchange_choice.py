"""`--exchange live|simulated`: which exchange a command talks to."""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from common.config import ExchangeSettings, Settings
from common.core.exchange_told import is_loopback
from common.core.market import Exchange
from common.network.check import check_network
from common.polymarket.exchange_probe import exchange_at
from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.runtime.data_root import exchange_of_data_root, refuse_other_exchange
from common.simulation.options import (
    add_simulation_arguments,
    options_from,
)

LIVE: Exchange = "live"
SIMULATED: Exchange = "simulated"

log = logging.getLogger(__name__)


def add_exchange_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--exchange` and the options of the embedded exchange."""
    parser.add_argument(
        "--exchange",
        choices=(LIVE, SIMULATED),
        default=LIVE,
        help="live: the configured URLs (default); simulated: the embedded exchange, no network needed, with folders of"
        " its own (data-simulated, reports-simulated) unless --data-root names another",
    )
    add_simulation_arguments(parser)


@contextmanager
def chosen_exchange(namespace: argparse.Namespace, settings: Settings) -> Iterator[Settings]:
    """The settings to talk to the chosen exchange; the embedded one runs until the context ends.

    Raises ConfigError where the network cannot be used as this machine describes it.
    """
    if namespace.exchange == LIVE:
        check_network(msgspec.structs.astuple(settings.exchange), settings.websocket.ca_file)
        yield settings
        return
    options = options_from(namespace)
    with (
        tempfile.TemporaryDirectory(prefix="orderbooks-exchange-") as folder,
        EmbeddedExchange(options, Path(folder)) as exchange,
    ):
        urls = exchange.urls
        simulated = ExchangeSettings(
            ws_url=urls.ws_url, clob_url=urls.clob_url, gamma_url=urls.gamma_url, data_url=urls.data_url
        )
        check_network(msgspec.structs.astuple(simulated), settings.websocket.ca_file)
        reference = msgspec.structs.replace(
            settings.reference, rtds_url=urls.rtds_url, binance_url=urls.binance_url
        )
        yield msgspec.structs.replace(settings, exchange=simulated, reference=reference)


def exchange_of_run(namespace: argparse.Namespace, settings: Settings) -> Exchange:
    """The exchange that a run will record: with `--exchange live` the one that answers at the configured URLs.

    Where none answers now, a data root of simulated data and a URL of this machine go on together; else it is live.
    Writes nothing. Raises ConfigError where the data root belongs to the other exchange, or to a newer version.
    """
    data_root = Path(settings.paths.data_root)
    held = exchange_of_data_root(data_root)
    exchange = SIMULATED if namespace.exchange == SIMULATED else _answering(settings, held)
    refuse_other_exchange(data_root, held, exchange)
    return exchange


def _answering(settings: Settings, held: Exchange | None) -> Exchange:
    gamma_url = settings.exchange.gamma_url
    answering = exchange_at(gamma_url, ca_file=settings.websocket.ca_file)
    if answering is None and is_loopback(gamma_url):
        answering = held
    if answering == SIMULATED:
        log.warning(
            "the configured URLs are the embedded exchange's: this run is simulated", extra={"url": gamma_url}
        )
    return answering or LIVE
