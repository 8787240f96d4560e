from collections.abc import Iterator

import pytest

from common.runtime.command_line.embedded_exchange import EmbeddedExchange
from common.simulation.options import SimulationOptions


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedExchange]:
    """An exchange without faults, for the tests of one file that only look. It ends with that file."""
    with EmbeddedExchange(SimulationOptions(rate=400), tmp_path_factory.mktemp("exchange")) as running:
        yield running


@pytest.fixture
def breakable(exchange: EmbeddedExchange) -> Iterator[EmbeddedExchange]:
    """The same, healed after the test."""
    yield exchange
    exchange.fault("clear")
