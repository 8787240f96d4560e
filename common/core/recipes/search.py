"""The search for a recipe that nobody knows yet: one key more, less, renamed or moved.

Its cost is bounded: MOST_TRIED texts of one book, each with a few prices, 7 to 15 ms for 100 levels.
`ProtocolTrust.may_search` bounds how often.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from common.core.books.book import Book
from common.core.books.hash import HashTerms, Matched, choices_of, forms_of, match_of
from common.core.recipes.recipe import KNOWN_KEYS, VERSION_KEY, Recipe, neighbours

MOST_TRIED = 2000
_CANDIDATES = (VERSION_KEY, "event_type")
_CHOICES = 2  # of the value of a candidate
_PRICES = 4


def unknown_names(book: Book, terms: HashTerms) -> tuple[str, ...]:
    """The keys of the book, here and over REST, that no known recipe has."""
    names = dict.fromkeys((*book.extra, *(key for key, _ in terms.extra)))
    return tuple(name for name in names if name not in KNOWN_KEYS)


def search(book: Book, terms: HashTerms, recipes: Iterable[Recipe], prices: Sequence[str]) -> Matched | None:
    """A neighbour of the recipes by which the book gives `book.hash`; None: there is none.

    Of what is not told of the book only the likeliest is tried.
    """
    candidates = (*unknown_names(book, terms), *_CANDIDATES)
    choices = {
        key: values[: _CHOICES if key in candidates else 1] for key, values in choices_of(book, terms).items()
    }
    forms = (form for keys in neighbours(recipes, candidates) for form in forms_of(Recipe(keys), choices))
    for form in islice(forms, MOST_TRIED):
        price = form.price_of(book, prices[:_PRICES])
        if price is not None:
            return match_of(form, price)
    return None
