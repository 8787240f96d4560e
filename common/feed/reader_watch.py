"""What a reader knows to be missing: stated as problems while it lasts, declared as gaps when it is over."""

from collections import Counter

from common.core.feed.left_tokens import Left
from common.core.feed.opening_books import BookWatch
from common.core.feed.openings_only import OpeningsOnly
from common.core.feed.wanted_tokens import WantedTokens
from common.core.instants import NS_PER_SECOND, parse_utc_ns
from common.core.market import Token
from common.feed.market_session import MarketSession
from common.feed.recording import Now, Recording
from common.feed.token_share import TokenShare
from common.feed.unrecorded import Unrecorded
from common.queue.outbox import Outbox
from common.runtime.process import Runtime
from common.runtime.run.facts import FactsFollower

DISCOVERY = "discovery"
LOOK_NS = NS_PER_SECOND // 2
SILENCE_SHARE = 5  # of the stale threshold: so long a stream must be silent to count as frozen


class ReaderWatch:
    """`attend` wants calling often. `unrecorded` is lent to the sessions, which tell it what is subscribed."""

    def __init__(
        self,
        runtime: Runtime,
        outbox: Outbox,
        *,
        recording: Recording,
        wanted: WantedTokens,
        books: BookWatch,
        share: TokenShare,
    ) -> None:
        self._runtime, self._recording = runtime, recording
        self._wanted, self._books, self._share = wanted, books, share
        url = runtime.settings.exchange.ws_url
        self.unrecorded = Unrecorded(recording, outbox.files, url, self._is_excused)
        stale_s = runtime.settings.websocket.stale_feed_threshold_seconds
        self._openings = OpeningsOnly(int(stale_s * NS_PER_SECOND) // SILENCE_SHARE)
        self._discovery = FactsFollower(runtime.run_dir, DISCOVERY)
        self._rotation_ns = runtime.settings.writer.rotation_interval_seconds * NS_PER_SECOND
        self._window = runtime.clock.wall_ns() // self._rotation_ns
        self._cut_again_ns: int | None = None
        self._next_look_ns = 0
        self._finished = False

    def _is_excused(self, token: Token) -> bool:
        return self._wanted.is_settled(token.token_id) or self._share.is_recorded_or_closed(token)

    def told_until_ns(self, now: Now) -> int:
        """Up to this wall time every gap and message is in a row."""
        told = self._recording.told_until_ns(now)
        if self._finished:
            return told
        bookless_ns = self._books.earliest_ns
        waits_ns = now.monotonic_ns - bookless_ns if bookless_ns is not None else 0
        return min(told, now.wall_ns - max(0, waits_ns), self.unrecorded.told_until_ns(now))

    def turn_window(self, now: Now) -> None:
        """When a new archive window has begun: say what holds, and declare what lasts, up to now.

        The latter a second time a moment later: what is open since the very turn would hold up the ledger of the
        window before.
        """
        window = now.wall_ns // self._rotation_ns
        if window > self._window and self._runtime.assignment.mode == "runtime":
            self._window = window
            idle = not self._wanted.now(now.monotonic_ns)
            url = self._runtime.settings.exchange.ws_url
            self._recording.turn_window(url, now, idle=idle, awaited=self._books.awaited)
            self.unrecorded.cut(now)
            self._cut_again_ns = now.monotonic_ns + 2 * NS_PER_SECOND
        elif self._cut_again_ns is not None and now.monotonic_ns >= self._cut_again_ns:
            self._cut_again_ns = None
            self.unrecorded.cut(now)

    def finish(self, now: Now) -> None:
        """Declare what lasts, up to now, and watch nothing any more."""
        if not self._finished:
            self._finished = True
            self.unrecorded.cut(now)

    def session_over(self, session: MarketSession, *, proved_frozen: bool) -> None:
        """A session ended."""
        if session.life.moved:
            self._openings.moved()
        elif proved_frozen:
            self._openings.proved_frozen()

    def attend(self, session: MarketSession | None, now: Now) -> None:
        """Look at what is missing now."""
        if self._finished or now.monotonic_ns < self._next_look_ns:
            return
        self._next_look_ns = now.monotonic_ns + LOOK_NS
        self.unrecorded.attend(now)
        if self._runtime.index == 0:
            self._follow_discovery(now)
        if not self._wanted.now(now.monotonic_ns):
            self._runtime.problems.state("books_missing", {})
            self._runtime.problems.state("opening_books_only", {})
        elif session is not None:
            self._state_missing_books(session, now)
            self._note_bookless(session, now)
            self._state_openings_only(session, now)

    def _follow_discovery(self, now: Now) -> None:
        """One reader declares the windows that discovery knows to be open and not recorded."""
        facts = self._discovery.replaced()
        if facts is None:
            return
        stated = {
            problem.subject: (parse_utc_ns(problem.since_utc), problem.reason)
            for problem in facts.problems
            if problem.kind == "window_not_recorded"
        }
        archive_window_ns = now.wall_ns - now.wall_ns % self._rotation_ns
        self.unrecorded.windows(stated, now, not_before_ns=archive_window_ns)

    def _note_bookless(self, session: MarketSession, now: Now) -> None:
        missing = self._books.long_missing(now.monotonic_ns)
        self.unrecorded.bookless(
            [
                Left(token, now.wall_ns - missing[token.token_id])
                for token in session.subscribed
                if token.token_id in missing
            ],
            now,
        )

    def _state_missing_books(self, session: MarketSession, now: Now) -> None:
        if not session.siblings_have_books(now):
            return  # then no book came at all: the session itself is not well
        missing = self._books.long_missing(now.monotonic_ns)
        tokens = [token for token in session.subscribed if token.token_id in missing]
        counts = Counter(token.market_slug for token in tokens)
        longest = {token.market_slug: missing[token.token_id] // NS_PER_SECOND for token in tokens}
        self._runtime.problems.state(
            "books_missing", {slug: _missing_words(slug, counts[slug], longest[slug]) for slug in counts}
        )

    def _state_openings_only(self, session: MarketSession, now: Now) -> None:
        if session.life.moved:
            self._openings.moved()
        silent_ns = now.monotonic_ns - session.life.first_data_ns if session.life.first_data_ns else 0
        lasts = self._openings.lasts(silent_ns)
        name = self._runtime.name
        words = (
            f"{name}: connections bring opening books and then nothing, although REST shows changes;"
            f" the connection is replaced again and again, and the REST checkpoints are recorded meanwhile"
        )
        self._runtime.problems.state("opening_books_only", {name: words} if lasts else {})


def _missing_words(slug: str, tokens: int, seconds: int) -> str:
    return (
        f"{slug}: no order book came of {tokens} of its tokens for {seconds} s, although other tokens have theirs and"
        f" it was subscribed again; compare {slug} on the website with what is recorded"
    )
