"""Messages of legs as tests write them: seconds, and a text that stands for the payload."""

from common.core.merging.messages import LegMessage
from common.core.merging.unit import merge_unit

SECOND = 1_000_000_000
START = 1_800_000_000


def heard(
    text: str,
    at_s: float,
    *,
    opened_s: float = 0,
    exchange_s: float | None = None,
    kind: str = "price_change",
    key: bytes | None = None,
) -> LegMessage[str]:
    """A message whose reference is its text."""
    return LegMessage(
        received_ns=int((START + at_s) * SECOND),
        opened_ns=int((START + opened_s) * SECOND),
        exchange_ms=int((START + (at_s if exchange_s is None else exchange_s)) * 1000),
        kind=kind,
        key=f'"{text}"'.encode() if key is None else key,
        reference=text,
    )


def union(a: list[LegMessage[str]], b: list[LegMessage[str]], clock_error_s: float = 0) -> list[str]:
    """The texts in the order of the union: `x` of both legs, `x<` of leg a alone, `x>` of leg b alone, `?` in doubt."""
    texts = []
    for merged in merge_unit(a, b, clock_error_ns=int(clock_error_s * SECOND)):
        side = "" if merged.a and merged.b else "<" if merged.a else ">"
        texts.append(f"{merged.a or merged.b}{side}{'?' * merged.doubtful}")
    return texts
