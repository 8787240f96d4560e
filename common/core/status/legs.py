"""How each leg does: whether it is up, and what of a recorder with two is a matter of one of them alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from common.core.instants import utc_text
from common.core.problems import Problem
from common.core.rows.origin import LEGS, Leg, leg_in_name
from common.core.run_state import ReaderState
from common.core.status.health import HEARTBEAT_GRACE_S, Wait, overdue_reason

READER = "ws_reader-"


class LegReader(msgspec.Struct, frozen=True):
    """A reader as its leg is judged by it. `last_data_ns` is wall time, 0 before its first market data."""

    state: ReaderState
    tokens: int
    last_data_ns: int
    silent_s: float


class LegState(msgspec.Struct, frozen=True):
    """One leg. It is up while each of its readers that has tokens receives; `down_since_utc` is None then.

    `tokens` are those subscribed now. A leg that never was up in this run is down since the run began.
    """

    leg: Leg
    up: bool
    tokens: int
    down_since_utc: str | None


def leg_states(readers: Mapping[str, LegReader], *, legs: int, started_at_ns: int) -> tuple[LegState, ...]:
    """Each leg of the run, by what its readers (by name) state."""
    return tuple(
        _leg_state(leg, [each for name, each in readers.items() if leg_in_name(name) == leg], started_at_ns)
        for leg in LEGS[:legs]
    )


def _leg_state(leg: Leg, readers: Sequence[LegReader], started_at_ns: int) -> LegState:
    down = [each for each in readers if not _is_well(each)]
    up = bool(readers) and not down
    since_ns = min((each.last_data_ns or started_at_ns for each in down), default=started_at_ns)
    return LegState(leg, up, sum(each.tokens for each in readers), None if up else utc_text(since_ns))


def _is_well(reader: LegReader) -> bool:
    return reader.state in {"receiving", "no_tokens"} and reader.silent_s <= HEARTBEAT_GRACE_S


def uncovered(waits: Sequence[Wait]) -> Sequence[Wait]:
    """The waits that health is judged by: those of a leg count for nothing while the other one waits rightly.

    Legs group the markets in different ways, so that any reader of one may be needed for a token that any reader
    of the other has lost.
    """
    overdue = {leg_in_name(wait.reader) for wait in waits if overdue_reason(wait)}
    if len(overdue) == 1 and {leg_in_name(wait.reader) for wait in waits} == set(LEGS):
        return [wait for wait in waits if leg_in_name(wait.reader) not in overdue]
    return waits


def of_one_leg(by_process: Mapping[str, Iterable[Problem]], legs: Sequence[LegState]) -> Collection[Problem]:
    """The problems that readers of one leg have while the other leg is up and has none of their kind."""
    kinds: dict[Leg, set[str]] = {leg.leg: set() for leg in legs}
    found = [
        (leg_in_name(name), problem)
        for name, problems in by_process.items()
        if name.startswith(READER)
        for problem in problems
    ]
    for leg, problem in found:
        kinds.setdefault(leg, set()).add(problem.kind)
    sound = {leg.leg for leg in legs if leg.up}
    return [
        problem
        for leg, problem in found
        if any(other != leg and problem.kind not in kinds[other] for other in sound)
    ]


def leg_warnings(legs: Sequence[LegState], problems: Collection[Problem] = ()) -> tuple[str, ...]:
    """What is wrong with one of two legs, as a message; nothing where both are down, which health reports."""
    down = [leg for leg in legs if not leg.up]
    words = [f"on one leg: {problem.reason}" for problem in problems]
    if len(legs) == len(LEGS) and len(down) == 1:
        words.insert(0, f"recording on one leg since {down[0].down_since_utc}: leg {down[0].leg} is down")
    return tuple(words)
