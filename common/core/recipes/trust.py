"""Which hash recipes have agreed with the books of one protocol, and how far they can be trusted.

Only a recipe that has agreed can show that a book is wrong. It loses that trust when books with a hash of their
own stop agreeing with it, until it agrees again or the search finds the next one.
"""

from typing import Literal

from common.core.market import Protocol
from common.core.recipes.recipe import Recipe

_LOST_AFTER = 3  # whole books in a row that contradict their own hashes
_DOUBTED_MARKETS = 2  # whose changes all fail, with not one hash between them that agrees
_TOKENS, _TRIES, _TRIES_MS = 3, 10, 30_000  # that fail before a protocol's recipe is called unknown
_FREE_SEARCHES = 3  # of a protocol; then one for twice as many failures as before
_LONGEST_PAUSE = 512
_NAMED = 64  # tokens or markets remembered: it only matters whether they are a few

FoundBy = Literal["known", "search"]


class Proof:
    """One recipe that has agreed with books of a protocol. Counts are of whole books, and of price changes."""

    def __init__(self, trust: "ProtocolTrust", recipe: Recipe, found_by: FoundBy, since_ms: int) -> None:
        """`since_ms`: the exchange's time of the first book that agreed."""
        self._trust = trust
        self.recipe, self.found_by, self.since_ms = recipe, found_by, since_ms
        self.books = self.changes = 0

    def agreed(self, *, of_change: bool) -> None:
        """A stated hash came out."""
        if of_change:
            self.changes += 1
        else:
            self.books += 1
        self._trust.agreements += 1
        if self._trust.calm is not self:
            self._trust.renew(self)


class ProtocolTrust:
    """What the hashes of one protocol have shown so far. `proofs`: the newest to agree for the first time first."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.proofs: list[Proof] = []
        self.agreements = 0
        self.calm: Proof | None = None  # the first of the proofs, if nothing has failed since it agreed last
        self.is_proved = False
        self.unusual_forms_agree = False  # a hash agreed of a book that was written in unusual forms
        self.new_keys: tuple[str, ...] = ()  # of the newest book that failed: no known recipe has them
        self.best_agrees = False  # the stated best prices are those of the newest book that a hash proved
        self._failing_markets: set[str] = set()
        self._failed_tokens: set[str] = set()
        self._failed, self._failed_from_ms, self._failed_to_ms = 0, 0, 0
        self._book_searches, self._change_searches = _Pace(), _Pace()

    def proof_of(self, recipe: Recipe) -> Proof | None:
        """The proof of these keys, None where they have not agreed yet."""
        return next((proof for proof in self.proofs if proof.recipe.keys == recipe.keys), None)

    def add(self, recipe: Recipe, found_by: FoundBy, since_ms: int) -> Proof:
        """A recipe agreed for the first time; its agreement is still to be counted."""
        self.calm = None
        proof = Proof(self, recipe, found_by, since_ms)
        self.proofs.insert(0, proof)
        return proof

    def renew(self, proof: Proof) -> None:
        """A hash agreed by this recipe: nothing that failed before counts any more."""
        self.is_proved = True
        self._failing_markets.clear()
        self._failed_tokens.clear()
        self._failed = 0
        if self.proofs[0] is not proof and not self.proofs[0].changes:
            self.proofs.remove(proof)
            self.proofs.insert(0, proof)
        self.calm = self.proofs[0] if self.proofs[0] is proof else None

    @property
    def covers_changes(self) -> bool:
        """Whether a price change that fails can show that a book is wrong."""
        return self.is_proved and any(proof.changes for proof in self.proofs)

    @property
    def in_doubt(self) -> bool:
        """Whether changes of several markets fail and nothing agrees: perhaps the recipe is another now."""
        return len(self._failing_markets) >= _DOUBTED_MARKETS

    def change_failed(self, market: str) -> None:
        """The book of a market does not give the hash that a change stated."""
        self.calm = None
        if len(self._failing_markets) < _NAMED:
            self._failing_markets.add(market)

    def book_failed(self, token_id: str, at_ms: int) -> bool:
        """A whole book does not give its own hash by any recipe; whether the trust is lost with it."""
        self.calm = None
        if not self._failed:
            self._failed_from_ms = self._failed_to_ms = at_ms
        self._failed += 1
        self._failed_to_ms = max(self._failed_to_ms, at_ms)
        if len(self._failed_tokens) < _NAMED:
            self._failed_tokens.add(token_id)
        lost = self.is_proved and (self._failed >= _LOST_AFTER or self.in_doubt)
        if lost:
            self.is_proved = False
            self._book_searches = _Pace()
        return lost

    @property
    def is_unknown(self) -> bool:
        """Whether enough books failed to say that their recipe is not known."""
        spent_ms = self._failed_to_ms - self._failed_from_ms
        enough = len(self._failed_tokens) >= _TOKENS or (self._failed >= _TRIES and spent_ms >= _TRIES_MS)
        return not self.is_proved and enough

    def may_search(self, keys: tuple[str, ...], *, of_change: bool) -> bool:
        """Whether a search is due with a failure; `keys` are the unknown ones of the book."""
        return (self._change_searches if of_change else self._book_searches).is_due(keys)


class _Pace:
    """Searches cost milliseconds: the longer none finds anything, the rarer they are."""

    def __init__(self) -> None:
        self._searches, self._pause = 0, 0
        self._keys: set[tuple[str, ...]] = set()

    def is_due(self, keys: tuple[str, ...]) -> bool:
        """New unknown keys are always worth a search."""
        self._pause -= 1
        is_new = keys not in self._keys and len(self._keys) < _NAMED
        if self._searches >= _FREE_SEARCHES and self._pause > 0 and not is_new:
            return False
        self._searches += 1
        self._keys.add(keys)
        self._pause = min(1 << self._searches, _LONGEST_PAUSE)
        return True
