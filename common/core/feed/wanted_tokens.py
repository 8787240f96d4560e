"""From the tokens that a reader shall record to what it must subscribe and unsubscribe."""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from common.core.market import Token


class Change(msgspec.Struct, frozen=True):
    """What to say on the connection; `tokens` is the subscription after it."""

    tokens: tuple[Token, ...]
    subscribe: tuple[str, ...]
    unsubscribe: tuple[str, ...]


class WantedTokens:
    """New tokens are wanted at once; one that is no longer listed stays for `linger_ns`.

    The linger covers a token that moves to another reader: that one has it before this one lets go. Settled
    tokens stay too while others live, so that no subscription depends on what a reader happens to remember;
    when all are settled there is nothing left to want.
    """

    def __init__(self, linger_ns: int) -> None:
        self._linger_ns = linger_ns
        self._listed: tuple[Token, ...] = ()
        self._leaving: dict[Token, int] = {}
        self._resolved: set[str] = set()

    def set_listed(self, tokens: tuple[Token, ...], now_ns: int) -> None:
        """The tokens that this reader shall record from now on."""
        if tokens is self._listed:
            return
        listed = set(tokens)
        self._leaving = {token: since for token, since in self._leaving.items() if token not in listed}
        for token in self._listed:
            if token not in listed:
                self._leaving.setdefault(token, now_ns)
        self._resolved &= {token.token_id for token in (*tokens, *self._leaving)}
        self._listed = tokens

    def resolve(self, token_ids: Iterable[str]) -> None:
        """The exchange said that these are settled: nothing more comes for them."""
        self._resolved.update(token_ids)

    def is_settled(self, token_id: str) -> bool:
        """Whether the exchange said so of this one."""
        return token_id in self._resolved

    @property
    def all_settled(self) -> bool:
        """Whether there are tokens to record, and all of them are settled."""
        return bool(self._listed) and all(token.token_id in self._resolved for token in self._listed)

    def now(self, now_ns: int) -> tuple[Token, ...]:
        """What is to be recorded at this time; nothing when all of it is settled."""
        self._leaving = {
            token: since for token, since in self._leaving.items() if now_ns - since < self._linger_ns
        }
        tokens = (*self._listed, *self._leaving)
        return tokens if any(token.token_id not in self._resolved for token in tokens) else ()


def change_between(subscribed: Sequence[Token], wanted: tuple[Token, ...]) -> Change | None:
    """How to get from one subscription to the other, None if it is the same set."""
    before: Collection[str] = {token.token_id for token in subscribed}
    after = {token.token_id for token in wanted}
    if before == after:
        return None
    return Change(
        tokens=wanted,
        subscribe=tuple(token.token_id for token in wanted if token.token_id not in before),
        unsubscribe=tuple(token.token_id for token in subscribed if token.token_id not in after),
    )
