"""What the exchange lists: a market, its event and its series, as values."""

import math
from typing import Literal

import msgspec

Protocol = Literal["v1", "v2"]
Protocols = Literal["mixed", "v1", "v2"]  # which of them the exchange uses
Tag = tuple[str, str]  # label, slug


class Series(msgspec.Struct, frozen=True):
    """A row of windows; `multiple` is its length in windows of the shortest series, `asset` what is bet on.

    Where both protocols are in use, its odd windows are v2 if `v2_parity` is 1, its even ones if it is 0.
    """

    id: str
    slug: str
    prefix: str
    title: str
    tag: str
    multiple: int
    asset: str
    tags: tuple[Tag, ...]
    v2_parity: int
    tick: int

    @property
    def coin(self) -> str:
        """What is bet on, in the short form that slugs have: `btc`."""
        return self.slug.partition("-")[0]


class Event(msgspec.Struct, frozen=True):
    """What Gamma lists a market under: one market with the same slug, or many of which one wins."""

    id: str
    slug: str
    title: str
    tags: tuple[Tag, ...]
    series: Series | None = None
    neg_risk: bool = False


class Ids(msgspec.Struct, frozen=True):
    """The ids of a market. `condition_id` is what the CLOB and the websocket say, `gamma_condition_id` what Gamma does.

    `token_ids` have books; `dead_token_ids` are those of the other position system, which have none.
    """

    condition_id: str
    gamma_condition_id: str
    token_ids: tuple[str, str]
    dead_token_ids: tuple[str, str]


class Listing(msgspec.Struct, frozen=True):
    """One market; all instants are seconds since the epoch, `tick` is in ten-thousandths.

    A market without a window has no `start`; its `end` may be unknown or lie in the past, and it never settles.
    """

    id: str
    slug: str
    question: str
    description: str
    event: Event
    protocol: Protocol
    ids: Ids
    question_id: str
    created: int
    tick: int
    outcomes: tuple[str, str]
    start: int | None = None
    end: int | None = None
    settled: float = math.inf
    closed: float = math.inf
    worth: float = 0.5
    spare_ids: bool = False

    @property
    def condition_id(self) -> str:
        """As the websocket and the CLOB say it."""
        return self.ids.condition_id

    @property
    def token_ids(self) -> tuple[str, str]:
        """The ids of its two books."""
        return self.ids.token_ids

    @property
    def window(self) -> tuple[int, int] | None:
        """Start and end of its window; None for a market without one."""
        return None if self.start is None or self.end is None else (self.start, self.end)
