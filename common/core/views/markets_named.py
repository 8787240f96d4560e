"""Which token of a recording a user means, and what to say when there is none."""

from collections.abc import Collection, Iterable

import msgspec

from common.core.market import Token

_MOST_NAMED = 12


class TokenChoice(msgspec.Struct, frozen=True):
    """A token by its id, or by its market's slug and its outcome, in upper or lower case."""

    token_id: str = ""
    market: str = ""
    outcome: str = "Up"

    def of(self, tokens: Iterable[Token]) -> Token | None:
        """The chosen one of these tokens; None if it is not among them."""
        for token in tokens:
            if token.token_id == self.token_id:
                return token
            same_outcome = token.outcome.lower() == self.outcome.lower()
            if not self.token_id and token.market_slug == self.market and same_outcome:
                return token
        return None

    def not_among(self, tokens: Collection[Token]) -> str:
        """Why none of these tokens is the chosen one, and what there is, as a message."""
        slugs = {token.market_slug for token in tokens}
        if self.token_id:
            ending = f"; {_there_are('markets', slugs)}"
            return f"there is no token {self.token_id} in these archives{ending}"
        if self.market not in slugs:
            return no_such_market(self.market, slugs)
        outcomes = {token.outcome for token in tokens if token.market_slug == self.market}
        return f"market {self.market} has no outcome {self.outcome}; {_there_are('outcomes', outcomes)}"


def no_such_market(market: str, there: Collection[str]) -> str:
    """That a market is not in the archives, and which are."""
    return f"there is no market {market} in these archives; {_there_are('markets', there)}"


def _there_are(what: str, names: Collection[str]) -> str:
    if not names:
        return "there is no row that names any"
    listed = sorted(names)
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return f"there are the {what} {', '.join(listed[:_MOST_NAMED])}{more}"
