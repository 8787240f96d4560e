"""The options of the embedded exchange, and the command-line arguments that set them."""

import argparse
from collections.abc import Sequence
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from common.core.option_types import integer, number, whole_seconds
from common.errors import ConfigError
from common.simulation.faults.catalogue import Fault, parse_fault
from common.simulation.markets.listing import Protocols

Port = Annotated[int, Meta(ge=0, le=65_535)]


class SimulationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the embedded exchange behaves.

    `rate` is frames a second in all over the subscribed markets, no matter who subscribes: a connection that
    subscribes all of them receives all. A current window gets more than one to come. The new_market feed
    (`new_markets_per_second`, to flagged connections) comes on top. `window_seconds` is the length of a "5m"
    window; the "15m" series and every delay around a window's end scale with it. Port 0 takes a free one.
    `oracle` is a folder for the account of every frame sent, "" for none. `protocol` is that of the markets: v1
    and v2 beside each other (`mixed`), as the exchange has them since October 2026, or one alone. `more_markets`
    adds open markets without a window to those that are always there.
    """

    seed: int = 1
    rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 310.0
    window_seconds: Annotated[int, Meta(ge=2, le=86_400)] = 300
    host: Annotated[str, Meta(pattern=r"^(127\.\d+\.\d+\.\d+|localhost|::1)$")] = "127.0.0.1"
    port: Port = 0
    oracle: str = ""
    protocol: Protocols = "mixed"
    more_markets: Annotated[int, Meta(ge=0, le=100_000)] = 0
    new_markets_per_second: Annotated[float, Meta(ge=0, le=1000)] = 2.0
    idle_cut_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 125.0
    send_buffer_bytes: Annotated[int, Meta(ge=1024)] = 8_388_608
    faults: tuple[Fault, ...] = ()


class ExchangeUrls(msgspec.Struct, frozen=True):
    """Where an embedded exchange answers, as it is in its ready file; `pid` is its process."""

    pid: int
    ws_url: str
    clob_url: str
    gamma_url: str
    data_url: str
    rtds_url: str
    binance_url: str

    @classmethod
    def at(cls, host: str, port: int, pid: int) -> "ExchangeUrls":
        """The addresses of an exchange that listens there."""
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        ws, http = f"ws://{place}", f"http://{place}"
        return cls(pid, f"{ws}/ws/market", http, http, http, f"{ws}/rtds", f"{ws}/stream")


def add_arguments(parser: argparse._ArgumentGroup | argparse.ArgumentParser, prefix: str) -> None:
    """Add the arguments, each named `--<prefix><name>`."""
    default = SimulationOptions()
    add, place = parser.add_argument, prefix.replace("-", "_")
    help_rate = f"frames a second in all over the subscribed markets (default {default.rate:g})"
    add(f"--{prefix}rate", dest=f"{place}rate", type=number, metavar="N", help=help_rate)
    help_seed = f"the same seed gives the same market (default {default.seed})"
    add(f"--{prefix}seed", dest=f"{place}seed", type=integer, metavar="N", help=help_seed)
    help_window = (
        f"length of a 5m window; all that hangs on it scales along (default {default.window_seconds})"
    )
    add(
        f"--{prefix}window-seconds",
        dest=f"{place}window_seconds",
        type=whole_seconds,
        metavar="SECONDS",
        help=help_window,
    )
    help_oracle = "write every frame sent to one file a connection in this folder"
    add(f"--{prefix}oracle", dest=f"{place}oracle", metavar="DIR", help=help_oracle)
    help_protocol = f"which position system the markets use (default {default.protocol})"
    add(
        f"--{prefix}protocol",
        dest=f"{place}protocol",
        choices=get_args(Protocols),
        help=help_protocol,
    )
    help_more = "this many more open markets without a window, with the tag crowd (default 0)"
    add(f"--{prefix}more-markets", dest=f"{place}more_markets", type=integer, metavar="N", help=help_more)
    help_fault = "start with a fault on, as in: close code=1013 reason=bye (repeatable)"
    add(
        f"--{prefix}fault",
        dest=f"{place}fault",
        nargs="+",
        action="append",
        metavar=("NAME", "KEY=VALUE"),
        help=help_fault,
    )


def add_simulation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--simulated-rate` and its kin, for a command that can run against the embedded exchange."""
    group = parser.add_argument_group("the embedded exchange (--exchange simulated)")
    add_arguments(group, "simulated-")


def options_from(namespace: argparse.Namespace, prefix: str = "simulated-") -> SimulationOptions:
    """The options of a parsed command line. Raises ConfigError naming the argument and its bound."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(SimulationOptions):
        value = getattr(namespace, prefix.replace("-", "_") + field.name, None)
        if value is not None:
            values[field.name] = value
    started: Sequence[Sequence[str]] | None = getattr(namespace, prefix.replace("-", "_") + "fault", None)
    faults = tuple(parse_fault(words[0], words[1:]) for words in started or ())
    try:
        options = msgspec.convert(values, SimulationOptions)
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at `$.")
        name = key.rstrip("`").replace("_", "-")
        raise ConfigError(f"command line: --{prefix}{name}: {what}") from error
    return msgspec.structs.replace(options, faults=faults)
