"""What a run states of its reference prices, and when an operator should see to it: a warning, never bad health."""

from collections.abc import Iterable

import msgspec

from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.reference.frames import Channel
from common.core.reference.sources import Place
from common.core.rows.gap import Gap
from common.core.run_state import ReaderState
from common.core.terminal.text import rough_span_text

SILENT_S = 60.0  # a connection that is replaced meanwhile is nobody's concern
DEAD_S = 60.0  # a process speaks about twice a second
GAPS_SHOWN = 20


class ReferenceState(msgspec.Struct, frozen=True):
    """One place that tells prices, as the process that records it states it.

    `silent_since_utc` is None while prices come, and while there is no coin to ask for. `quiet` are the coins, each
    with its channel, that are asked for and not told. `trouble` is what the process itself has to complain of.
    """

    source: Place
    state: ReaderState
    coins: tuple[str, ...]
    channels: tuple[Channel, ...]
    last_price_at_utc: str | None
    silent_since_utc: str | None
    quiet: tuple[str, ...]
    last_error: str
    stated_at_utc: str
    gaps: tuple[Gap, ...]
    trouble: tuple[str, ...] = ()


def is_up(state: ReferenceState) -> bool:
    """Whether all that is asked for comes, or nothing is asked for."""
    return state.silent_since_utc is None and not state.quiet


def reference_warnings(states: Iterable[ReferenceState], now_ns: int) -> tuple[str, ...]:
    """What is wrong, each place in one sentence."""
    found = (_warning(state, now_ns) for state in states)
    return tuple(words for words in found if words)


def _warning(state: ReferenceState, now_ns: int) -> str:
    begin = f"reference prices of {state.source}"
    if (dead_s := _since_s(state.stated_at_utc, now_ns)) > DEAD_S:
        return f"{begin}: their process has said nothing for {rough_span_text(dead_s)}; books are recorded"
    because = f" ({state.last_error})" if state.last_error else ""
    if state.silent_since_utc and (silent_s := _since_s(state.silent_since_utc, now_ns)) > SILENT_S:
        return f"{begin}: none for {rough_span_text(silent_s)}{because}; books are recorded"
    if state.quiet and not state.silent_since_utc:
        return f"{begin}: nothing comes of {', '.join(state.quiet)}{because}"
    return f"{begin}: {state.trouble[0]}" if state.trouble else ""


def _since_s(at_utc: str, now_ns: int) -> float:
    return max(0, now_ns - parse_utc_ns(at_utc)) / NS_PER_SECOND
