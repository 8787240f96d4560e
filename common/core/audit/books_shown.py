"""What is known of the rebuilt books, as the book auditor reports it and the run manifest shows it."""

import msgspec

from common.core.audit.results import Check, Verdict
from common.core.events.not_understood import Unused
from common.core.market import Protocol
from common.core.recipes.account import ProofShown


class BooksShown(msgspec.Struct, frozen=True):
    """`books` of the run manifest: tokens by what is known of their books, and counts of checks and of what failed."""

    tokens: int
    unhealed: int
    checks: dict[Check, dict[Verdict, int]]
    not_checkable: dict[str, int]
    recipes: dict[Protocol, tuple[ProofShown, ...]]
    recipes_unknown: dict[Protocol, str]
    never_checked: int
    unknown: int
    unusable: tuple[Unused, ...]
    unusual_forms: dict[str, int]


NO_BOOKS = BooksShown(
    tokens=0,
    unhealed=0,
    checks={},
    not_checkable={},
    recipes={},
    recipes_unknown={},
    never_checked=0,
    unknown=0,
    unusable=(),
    unusual_forms={},
)  # what an auditor has to state before it has heard anything
