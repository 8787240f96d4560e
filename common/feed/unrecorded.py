"""Declares what a reader does not record although it trades: tokens left or without a book, windows not taken."""

from collections.abc import Callable, Mapping, Sequence

from common.core.causes import Cause
from common.core.discovery.due_windows import DueWindows
from common.core.feed.left_tokens import Left, LeftTokens, TokenGap
from common.core.market import Token
from common.feed.recording import Now, Recording
from common.queue.outbox_files import Followed, OutboxFiles

NOT_SUBSCRIBED: Cause = "not_subscribed"
NO_FIRST_BOOK: Cause = "no_first_book"


class Unrecorded:
    """Every stretch becomes a gap row of its own when it is over, at each archive window, and at the end.

    What is left outlives the process, in the outbox. `excused` says of a token that was subscribed why it need not
    be any more: it is settled, or closed, or another reader has it.
    """

    def __init__(
        self, recording: Recording, files: OutboxFiles, url: str, excused: Callable[[Token], bool]
    ) -> None:
        noted = files.followed
        self._recording, self._files, self._url, self._excused = recording, files, url, excused
        self._tokens = LeftTokens(noted.tokens, noted.left)
        self._bookless = LeftTokens()
        self._windows = DueWindows()

    def told_until_ns(self, now: Now) -> int:
        """Up to this wall time all of it is in rows."""
        begun = (self._tokens.earliest_ns, self._bookless.earliest_ns, self._windows.earliest_ns)
        return min([now.wall_ns, *(each for each in begun if each is not None)])

    def follow(self, tokens: Sequence[Token], now: Now, *, since_ns: int | None = None) -> None:
        """These are subscribed from now on; what is not any more has not been since `since_ns`, default now."""
        if {token.token_id for token in tokens} == {token.token_id for token in self._tokens.followed}:
            return
        since_ns = now.wall_ns if since_ns is None else since_ns
        gaps = self._tokens.follow(tokens, now.wall_ns, since_ns=since_ns, excused=self._excused)
        self._declare(gaps, now)
        self._note()

    def bookless(self, tokens: Sequence[Left], now: Now) -> None:
        """All that lack their opening book for too long now, each since it was subscribed."""
        missing = {each.token.token_id for each in tokens}
        here = [each.token.token_id for each in self._bookless.left if each.token.token_id not in missing]
        gaps = self._bookless.back(here, now.wall_ns)
        self._bookless.leave(tokens)
        self._declare(gaps, now, NO_FIRST_BOOK)

    def attend(self, now: Now) -> None:
        """Declare what is over by now."""
        if not self._tokens.left:
            return
        gaps = self._tokens.attend(now.wall_ns, self._excused)
        if gaps:
            self._declare(gaps, now)
            self._note()

    def windows(self, stated: Mapping[str, tuple[int, str]], now: Now, *, not_before_ns: int) -> None:
        """The windows that must be open and are not recorded: slug, since when this is stated, and why."""
        for gap in self._windows.state(stated, now.wall_ns, not_before_ns=not_before_ns):
            self._recording.window_gap(gap, self._url, now)

    def clock_set(self, step_ns: int, now: Now) -> None:
        """The wall clock was set by so much: what is not declared yet began on the clock of before."""
        for each in (self._tokens, self._bookless, self._windows):
            each.clock_set(step_ns, now.wall_ns)
        if self._tokens.left:
            self._note()

    def cut(self, now: Now) -> None:
        """Declare everything up to now."""
        gaps = self._tokens.cut(now.wall_ns)
        if gaps:
            self._declare(gaps, now)
            self._note()
        self._declare(self._bookless.cut(now.wall_ns), now, NO_FIRST_BOOK)
        for gap in self._windows.cut(now.wall_ns):
            self._recording.window_gap(gap, self._url, now)

    def _declare(self, gaps: Sequence[TokenGap], now: Now, cause: Cause = NOT_SUBSCRIBED) -> None:
        for gap in gaps:
            self._recording.token_gap(cause, gap, now)

    def _note(self) -> None:
        self._files.note_followed(Followed(self._tokens.followed, self._tokens.left))
