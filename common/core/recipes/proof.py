"""Proves books by their hashes: the recipe, the terms and the trade price with which a stated hash comes out."""

from collections.abc import Sequence
from copy import copy
from itertools import chain
from typing import Literal

import msgspec

from common.core.books.book import Book
from common.core.books.hash import (
    ANY_FINE_PRICE,
    ANY_PRICE,
    HASH_DIGITS,
    USUAL_TERMS,
    Form,
    HashTerms,
    Matched,
    match_of,
    matched,
)
from common.core.market import canonical_condition_id
from common.core.recipes.account import RecipeAccount
from common.core.recipes.recipe import VERSION_KEY, Recipe
from common.core.recipes.search import search, unknown_names
from common.core.recipes.trust import Proof, ProtocolTrust

_FINE_TICK = len("0.0001")  # trades have prices of so many places where the tick size has
_TERMS_KEPT = 20_000  # tokens: days of all Bitcoin windows

Outcome = Literal["proved", "contradicts itself", "unknown recipe", "no hash"]


class Bound(msgspec.Struct, frozen=True):
    """With what the hashes of one token's book come out, as long as what the exchange told of it stays the same."""

    form: Form
    proof: Proof
    trust: ProtocolTrust
    terms: HashTerms
    told: tuple[str, str, object]

    def fits(self, book: Book, terms: HashTerms) -> bool:
        """Whether the form is still that of the book."""
        market, tick_size, extra = self.told
        return (
            book.extra is extra
            and book.tick_size == tick_size
            and book.market == market
            and (terms is self.terms or terms == self.terms)
        )


class HashProof:
    """Shared by all connections: the terms by token id, and the recipes."""

    def __init__(
        self, recipes: RecipeAccount | None = None, terms: dict[str, HashTerms] | None = None
    ) -> None:
        self.recipes = RecipeAccount() if recipes is None else recipes
        self._terms: dict[str, HashTerms] = {} if terms is None else terms
        self._proved_terms: set[str] = set()

    def terms_of(self, token_id: str) -> HashTerms | None:
        """What a checkpoint told or a hash proved; None: the usual ones are tried."""
        return self._terms.get(token_id)

    def trust_of(self, book: Book) -> ProtocolTrust:
        """What is proved of the book's protocol."""
        return self.recipes.trust_of(_version(book, self._terms.get(book.token_id, USUAL_TERMS)))

    # A book of the stream

    def quick(
        self, book: Book, bound: Bound | None, prices: Sequence[str], *, of_change: bool
    ) -> Bound | None:
        """The likeliest only: with what the book's hash comes out, None if not with that."""
        terms = self._terms.get(book.token_id, USUAL_TERMS)
        if bound is not None and bound.fits(book, terms):
            if bound.form.price_of(book, prices) is None:
                return None
            bound.proof.agreed(of_change=of_change)
            return bound
        recipes = [bound.proof.recipe] if bound is not None else self._to_try(book, terms)[:1]
        found = matched(book, terms, recipes, prices)
        return None if found is None else self._bind(book, terms, found, of_change=of_change)

    def still_holds(self, book: Book, bound: Bound | None, prices: Sequence[str]) -> bool:
        """Whether a book gives a hash that was proved before. Changes nothing."""
        terms = self._terms.get(book.token_id, USUAL_TERMS)
        fits = bound is not None and bound.fits(book, terms)
        return fits and bound is not None and bound.form.price_of(book, prices) is not None

    def thorough(
        self, book: Book, bound: Bound | None, prices: Sequence[str], *, of_change: bool
    ) -> tuple[Bound, Matched] | None:
        """All prices, all recipes, and where it is due a search for an unknown recipe."""
        terms = self._terms.get(book.token_id, USUAL_TERMS)
        if bound is not None and bound.fits(book, terms):
            price = bound.form.price_of(book, chain(prices, ("",), ANY_PRICE))
            if price is not None:
                bound.proof.agreed(of_change=of_change)
                return bound, match_of(bound.form, price)
        found = self._by_any(book, terms, prices, of_change=of_change)
        return None if found is None else (self._bind(book, terms, found, of_change=of_change), found)

    def _by_any(
        self, book: Book, terms: HashTerms, prices: Sequence[str], *, of_change: bool
    ) -> Matched | None:
        recipes = self._to_try(book, terms)
        tried = tuple(dict.fromkeys((*prices, "")))
        is_proved = self.trust_of(book).is_proved
        found = matched(book, terms, recipes, tried, any_tick=not of_change)
        if found is None and is_proved:
            found = matched(book, terms, recipes[:1], ANY_PRICE)
        if found is None and self._is_due(book, terms, of_change=of_change):
            if not is_proved:
                found = matched(book, terms, recipes[:1], ANY_PRICE)
            found = found or search(book, terms, self.recipes.recipes, tried)
        return found or self._by_seldom_causes(book, terms, recipes[:1], tried)

    def _by_seldom_causes(
        self, book: Book, terms: HashTerms, recipes: Sequence[Recipe], prices: Sequence[str]
    ) -> Matched | None:
        """A tick size that changed untold, a trade at a finer price, texts in another form than they were told in."""
        found = matched(book, terms, recipes, prices, any_tick=True)
        if found is None and len(book.tick_size) >= _FINE_TICK:
            found = matched(book, terms, recipes, ANY_FINE_PRICE)
        others = (matched(other, terms, recipes, prices) for other in book.written_otherwise())
        return found or next(filter(None, others), None)

    def holds(self, book: Book, prices: Sequence[str]) -> bool:
        """Whether a whole book gives its own hash by a recipe that is trusted. Changes nothing."""
        if not self.trust_of(book).is_proved:
            return False
        terms = self._terms.get(book.token_id, USUAL_TERMS)
        recipes = self._to_try(book, terms)
        found = matched(book, terms, recipes, (*prices, ""), any_tick=True)
        return (found or matched(book, terms, recipes[:1], ANY_PRICE)) is not None

    def gives(self, book: Book, stated_hash: str) -> bool:
        """Whether a whole book gives a hash that was stated of another, with any trade's price. Changes nothing."""
        other = copy(book)
        other.hash = stated_hash
        return self.holds(other, ())

    def failed(self, book: Book, *, of_change: bool) -> None:
        """A book, or what changes made of it, does not give the stated hash."""
        terms = self._terms.get(book.token_id)
        trust = self.trust_of(book)
        if of_change:
            trust.change_failed(canonical_condition_id(book.market))
        elif terms is not None:
            self._book_failed(trust, book, terms)

    def may_accuse(self, book: Book, bound: Bound | None) -> bool:
        """Whether a hash that fails shows that the book is wrong: its recipe agreed before, also with changes."""
        return (
            bound is not None
            and self.trust_of(book).covers_changes
            and self.recipes.is_steady(bound.proof.recipe)
        )

    # A book of REST

    def checkpoint(self, book: Book, terms: HashTerms, price: str | None) -> Outcome:
        """Whether a book of REST gives its own hash; its terms count from here on if it does."""
        recipes, prices = self._to_try(book, terms), ("",) if price is None else (price,)
        if len(book.hash) != HASH_DIGITS:
            return "no hash"
        found = matched(book, terms, recipes, prices)
        if found is None and price is None:
            found = matched(book, terms, recipes[:1], ANY_PRICE)
        if found is None and self._is_due(book, terms, of_change=False):
            found = search(book, terms, self.recipes.recipes, prices)
        if found is None:
            trust = self.recipes.trust_of(_version(book, terms))
            self._book_failed(trust, book, terms)
            if book.token_id not in self._proved_terms:
                self._set_terms(book.token_id, terms)
            return "contradicts itself" if trust.is_proved else "unknown recipe"
        self._bind(book, terms, found, of_change=False)
        return "proved"

    # What all of them do

    def _to_try(self, book: Book, terms: HashTerms) -> list[Recipe]:
        return self.recipes.to_try(_version(book, terms))

    def _book_failed(self, trust: ProtocolTrust, book: Book, terms: HashTerms) -> None:
        self.recipes.book_failed(trust, book.token_id, book.timestamp_ms, unknown_names(book, terms))

    def _is_due(self, book: Book, terms: HashTerms, *, of_change: bool) -> bool:
        trust = self.recipes.trust_of(_version(book, terms))
        return trust.may_search(unknown_names(book, terms), of_change=of_change)

    def _bind(self, book: Book, terms: HashTerms, found: Matched, *, of_change: bool) -> Bound:
        """What came out is proved: the book's tick size, its version, the terms of its token, the recipe."""
        book.tick_size = found.tick_size or book.tick_size
        if found.version is not None and _version(book, terms) is None:
            book.note_extra({VERSION_KEY: found.version})
        self._set_terms(book.token_id, terms)
        self._proved_terms.add(book.token_id)
        trust = self.recipes.trust_of(_version(book, terms))
        proof = trust.proof_of(found.form.recipe)
        if proof is None:
            proof = self.recipes.prove(trust, found.form.recipe, book.timestamp_ms)
        proof.agreed(of_change=of_change)
        return Bound(found.form, proof, trust, terms, (book.market, book.tick_size, book.extra))

    def _set_terms(self, token_id: str, terms: HashTerms) -> None:
        if len(self._terms) >= _TERMS_KEPT and token_id not in self._terms:
            self._terms.clear()  # the next checkpoint tells them again
            self._proved_terms.clear()
        self._terms[token_id] = terms


def _version(book: Book, terms: HashTerms) -> str | None:
    """The JSON of the version that the book names, here or over REST."""
    version = book.extra.get(VERSION_KEY)
    return version if version is not None else dict(terms.extra).get(VERSION_KEY)
