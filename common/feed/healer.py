"""Does in a reader what the book auditor wishes: subscribes tokens again, ends sessions, and declares what may be lost.

It also takes the auditor's word that a quiet market is only quiet.

The auditor tells its newest wishes in its facts. It may be late, dead or wrong; the reader neither waits for it
nor believes what it knows better.
"""

import logging
from collections.abc import Iterable

from common.core.audit.divergence import AUDITOR
from common.core.audit.wishes import Wish
from common.core.feed.left_tokens import TokenGap
from common.core.feed.rules import Event
from common.feed.market_session import MarketSession
from common.feed.recording import Now, Recording
from common.polymarket.websocket.connection import ConnectionEnded
from common.runtime.process import Runtime
from common.runtime.run.details import AuditorDetails
from common.runtime.run.facts import FactsFollower

LOOK_NS = 200_000_000

log = logging.getLogger("ws_reader")


class Healer:
    """Takes each wish once. `taken` is the number of the last one that a predecessor took."""

    def __init__(self, runtime: Runtime, recording: Recording, taken: int) -> None:
        self._runtime = runtime
        self._recording = recording
        self._facts = FactsFollower(runtime.run_dir, AUDITOR)
        self._rotation_ns = runtime.settings.writer.rotation_interval_seconds * 1_000_000_000
        self._next_look_ns = 0
        self.taken = taken

    def attend(self, session: MarketSession | None, now: Now) -> tuple[Event, ConnectionEnded] | None:
        """Do what is wished; the event that the session has come to by it, with its words, or None.

        A session that cannot be spoken to raises ConnectionEnded.
        """
        if now.monotonic_ns < self._next_look_ns:
            return None
        self._next_look_ns = now.monotonic_ns + LOOK_NS
        end = None
        facts = self._facts.replaced()
        if facts is None or not isinstance(facts.details, AuditorDetails):
            return None
        if session is not None:
            self._take_confirmation(facts.details, session, now)
        for wish in self._new_wishes(facts.details):
            self.taken = wish.number
            end = self._take(wish, session, now) or end
        return end

    def _take_confirmation(self, auditor: AuditorDetails, session: MarketSession, now: Now) -> None:
        confirmed = auditor.confirmed.get(self._runtime.name)
        if confirmed is not None and confirmed.session_id == session.session_id:
            session.life.confirmed(confirmed.until_ns, now)

    def _new_wishes(self, auditor: AuditorDetails) -> Iterable[Wish]:
        return [
            each for each in auditor.wishes if each.number > self.taken and each.reader == self._runtime.name
        ]

    def _take(
        self, wish: Wish, session: MarketSession | None, now: Now
    ) -> tuple[Event, ConnectionEnded] | None:
        if session is None or session.session_id != wish.session_id:
            return None
        said = {"action": wish.action, "token_id": wish.token_id, "reason": wish.why}
        log.warning("the book auditor asks for healing", extra=said)
        if wish.diverged:
            self._declare(wish, session, now)
        if wish.action == "resubscribe":
            self._runtime.tally.add("divergences_resubscribed_total")
            session.subscribe_again([wish.token_id], now)
        elif wish.action == "replace":
            return Event.BOOK_DIVERGED, ConnectionEnded("diverged", wish.why)
        elif wish.action == "stale" and session.last_market_data_ns <= wish.last_market_data_ns:
            return Event.PROVED_FROZEN, ConnectionEnded("stale_feed", wish.why)
        return None

    def _declare(self, wish: Wish, session: MarketSession, now: Now) -> None:
        """Messages of this token may be missing since its book was proved last.

        The gap never reaches into an earlier archive window: that one is accounted for already.
        """
        window_ns = now.wall_ns - now.wall_ns % self._rotation_ns
        from_ns = max(wish.good_until_ns, session.life.opened.wall_ns, window_ns)
        tokens = tuple(token for token in session.subscribed if token.token_id == wish.token_id)
        if tokens and from_ns < now.wall_ns:
            self._recording.token_gap("diverged", TokenGap(tokens, from_ns, now.wall_ns), now)
