"""What a process knows to be wrong with the recording now: the recorder gets less than the exchange offers."""

from collections.abc import Iterable
from typing import Literal

import msgspec

ProblemKind = Literal[
    "markets_unreadable",
    "selection_matches_nothing",
    "window_not_recorded",
    "discovery_failing",
    "discovery_incomplete",
    "clock_off",
    "books_missing",
    "opening_books_only",
    "rest_failing",
    "rows_not_durable",
    "process_not_started",
    "run_folder_full",
    "spool_not_kept",
    "books_unknown",
]


class Problem(msgspec.Struct, frozen=True):
    """One problem; `reason` is for a person and says what to do. `subject` tells several of a kind apart."""

    kind: ProblemKind
    reason: str
    since_utc: str
    subject: str = ""


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The oldest first, each kind and subject once."""
    by_key = {(problem.kind, problem.subject): problem for problem in problems}
    return tuple(sorted(by_key.values(), key=lambda each: (each.since_utc, each.kind, each.subject)))
