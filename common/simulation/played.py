"""What an embedded exchange plays, and the usual case of it: markets that are made up."""

from collections.abc import Callable

import msgspec

from common.simulation.audience import Audience
from common.simulation.faults.active import Faults
from common.simulation.feed import Feed, now_ms
from common.simulation.listed import Listed
from common.simulation.markets.model import MarketModel
from common.simulation.options import SimulationOptions


class Played(msgspec.Struct, frozen=True):
    """What an exchange plays: the markets and books that HTTP answers with, and the feed of the websocket.

    `prices` are the made-up markets whose reference prices are told; None where nothing is known of such prices.
    """

    listed: Listed
    feed: Audience
    prices: MarketModel | None = None


Play = Callable[[SimulationOptions, Faults], Played]


def made_up(options: SimulationOptions, faults: Faults) -> Played:
    """Markets that are made up, from the seed of the options."""
    model = MarketModel(
        options.seed,
        options.window_seconds,
        now_ms(),
        protocols=options.protocol,
        more=options.more_markets,
    )
    return Played(model, Feed(options, model, faults), model)
