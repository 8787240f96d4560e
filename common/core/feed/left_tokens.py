"""Tokens that were subscribed and are no longer, although their market trades: every such stretch is a gap."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from common.core.clock_step import on_new_clock
from common.core.market import Token


class Left(msgspec.Struct, frozen=True):
    """A token that is not subscribed any more, and since when (wall time)."""

    token: Token
    since_ns: int


class TokenGap(msgspec.Struct, frozen=True):
    """A stretch in which messages of these tokens, and of no others, may be missing (wall time)."""

    tokens: tuple[Token, ...]
    from_ns: int
    to_ns: int


class LeftTokens:
    """Follows one reader's subscription. Each method gives the gaps that end with what it was told.

    A token is left for as long as it is not subscribed again, its window has not ended, and it is not excused:
    settled, or closed, or recorded by another reader.
    """

    def __init__(self, followed: Iterable[Token] = (), left: Iterable[Left] = ()) -> None:
        self._followed = {token.token_id: token for token in followed}
        self._left = {each.token.token_id: each for each in left}

    @property
    def followed(self) -> tuple[Token, ...]:
        """The tokens that were subscribed last."""
        return tuple(self._followed.values())

    @property
    def left(self) -> tuple[Left, ...]:
        """The tokens that are left now."""
        return tuple(self._left.values())

    @property
    def earliest_ns(self) -> int | None:
        """The beginning of the oldest stretch that is not declared yet."""
        return min((each.since_ns for each in self._left.values()), default=None)

    def follow(
        self, tokens: Sequence[Token], now_ns: int, *, since_ns: int, excused: Callable[[Token], bool]
    ) -> list[TokenGap]:
        """These are subscribed from now on; those that are not any more have not been since `since_ns`."""
        wanted = {token.token_id: token for token in tokens}
        for token_id, token in self._followed.items():
            if token_id not in wanted and token.trades_at(since_ns) and not excused(token):
                self._left.setdefault(token_id, Left(token, since_ns))
        self._followed = wanted
        return self.back(wanted, now_ns)

    def leave(self, tokens: Iterable[Left]) -> None:
        """These are not what they should be since then; one that is left already stays so since when it was."""
        for each in tokens:
            self._left.setdefault(each.token.token_id, each)

    def back(self, token_ids: Iterable[str], now_ns: int) -> list[TokenGap]:
        """These are well again."""
        back = [self._left.pop(token_id) for token_id in token_ids if token_id in self._left]
        return _gaps((each, now_ns) for each in back)

    def attend(self, now_ns: int, excused: Callable[[Token], bool]) -> list[TokenGap]:
        """Let go of those that are over or excused by now."""
        over = [
            each for each in self._left.values() if not each.token.trades_at(now_ns) or excused(each.token)
        ]
        for each in over:
            del self._left[each.token.token_id]
        return _gaps((each, now_ns) for each in over)

    def clock_set(self, step_ns: int, now_ns: int) -> None:
        """The wall clock was set by so much, up to now."""
        self._left = {
            token_id: Left(each.token, on_new_clock(each.since_ns, step_ns, now_ns))
            for token_id, each in self._left.items()
        }

    def cut(self, now_ns: int) -> list[TokenGap]:
        """Everything up to now, to go on from now."""
        gaps = _gaps((each, now_ns) for each in self._left.values())
        self._left = {token_id: Left(each.token, now_ns) for token_id, each in self._left.items()}
        return gaps


def _gaps(ended: Iterable[tuple[Left, int]]) -> list[TokenGap]:
    """One gap for all tokens with the same stretch, which ends with their window at the latest."""
    stretches: dict[tuple[int, int], list[Token]] = {}
    for each, to_ns in ended:
        until_ns = each.token.trades_until_ns
        to_ns = to_ns if until_ns is None else min(to_ns, until_ns)  # noqa: PLW2901 - clipped
        if to_ns > each.since_ns:
            stretches.setdefault((each.since_ns, to_ns), []).append(each.token)
    return [TokenGap(tuple(tokens), *stretch) for stretch, tokens in sorted(stretches.items())]
