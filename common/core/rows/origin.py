"""Who recorded a row: what all rows of one producer state alike."""

import re
from typing import Literal

import msgspec

from common.core.json_splice import encode_line
from common.core.market import Exchange

Leg = Literal["a", "b"]
LEGS: tuple[Leg, ...] = ("a", "b")
LegChoice = Literal["merged", "a", "b"]  # what a reader may ask for: both as one stream, or one of them
LEG_CHOICES: tuple[LegChoice, ...] = ("merged", "a", "b")
_NAME = re.compile(r"ws_reader-([0-9]+)([a-z]?)(?:-|$)")


class Origin(msgspec.Struct, frozen=True):
    """The producer, the exchange it records, the host it runs on, and its leg.

    A leg is one of the independent connections that record the same tokens; None where there are none, as for REST.
    `host` is empty where an older version began the outbox.
    """

    producer: str
    exchange: Exchange = "live"
    leg: Leg | None = None
    host: str = ""


def leg_in_name(name: str) -> Leg:
    """The leg of a reader, by the name of its process or producer; that of a run with one leg names none."""
    match = _NAME.match(name)
    return next((leg for leg in LEGS if match is not None and match[2] == leg), LEGS[0])


def places_of(producer: str) -> tuple[str, ...]:
    """The places that a reader takes from those that had them before: in a run with one leg those of both legs."""
    match = _NAME.match(producer)
    if match is None:
        return (producer,)
    return tuple(f"{match[1]}{leg}" for leg in (match[2] or LEGS))


def origin_json(origin: Origin) -> bytes:
    """The fields of a row from `exchange` to `host`, without braces."""
    return b'"exchange":"%b","producer":%b,"leg":%b,"host":%b' % (
        origin.exchange.encode(),
        encode_line(origin.producer),
        encode_line(origin.leg),
        encode_line(origin.host),
    )


def leg_of(stated: str | None) -> Leg:
    """The leg of a row or an archive by what it states: the first where it states none."""
    return "b" if stated == "b" else "a"
