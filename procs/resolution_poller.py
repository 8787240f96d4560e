"""Asks after each window's end how it was resolved, and what markets are, and records every answer or failure.

Both sources are asked: Gamma by slug, and the data API. A market's metadata is recorded when it is first selected, and
when it has changed. What is waited for is in a file: a window that ended while nobody ran is asked about at the start.
"""

import logging
import random

from common.config import Settings
from common.core.backoff import Backoff
from common.core.http_words import retry_after_s
from common.core.instants import NS_PER_SECOND
from common.core.resolution.answers import SOURCES, Source, metadata_digest
from common.core.resolution.shown import SHOWN, ResolutionShown
from common.core.resolution.watch import Change, Pace, ResolutionWatch, Waiting
from common.core.rows.names import RESOLUTION
from common.core.rows.rest import MARKET_METADATA, RESOLUTION_ANSWER, HttpAnswer
from common.errors import ExchangeError
from common.feed.token_share import DiscoveredMarkets
from common.polymarket.http import fetch, open_session
from common.polymarket.resolution import Judged, Question, ask_data_api, ask_gamma, judge
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime, main
from common.runtime.producer import Producer
from common.runtime.request_rows import Request, RequestRows
from common.runtime.resolution_state import WaitingFile
from common.runtime.run.details import ResolutionDetails

STOP_WAIT_NS = 2 * NS_PER_SECOND
SPACING_NS = NS_PER_SECOND // 10  # between two questions: a tenth of what the slower of both hosts allows
LOOK_NS = NS_PER_SECOND // 2
SAVE_NS = NS_PER_SECOND
FAILING_NS = 300 * NS_PER_SECOND  # without an answer from a host that is asked, before anybody is warned

log = logging.getLogger("resolution_poller")


class _Host:
    """How one of the hosts fares."""

    def __init__(self, longest_s: float) -> None:
        self.not_before_ns = 0
        self.last_error = ""
        self._failing_since_ns: int | None = None
        self._backoff = Backoff(first_s=1.0, longest_s=longest_s, chance=random.random)

    def answered(self) -> None:
        """It gave an answer that can be used."""
        self._failing_since_ns, self.last_error = None, ""
        self._backoff.reset()

    def failed(self, error: str, now_ns: int, *, retry_after: float) -> None:
        """It did not, and is left alone for a while."""
        self.last_error = error
        self._failing_since_ns = self._failing_since_ns or now_ns
        wait_s = self._backoff.next_wait_s(at_least_s=retry_after)
        self.not_before_ns = now_ns + int(wait_s * NS_PER_SECOND)

    def failing(self, now_ns: int) -> str:
        """For how long and why it brings nothing, as a message; empty before that is worth one."""
        since_ns = self._failing_since_ns
        if since_ns is None or now_ns - since_ns < FAILING_NS:
            return ""
        return f"{self.last_error}, for {(now_ns - since_ns) // NS_PER_SECOND} s; it is asked again"


def _pace(settings: Settings) -> Pace:
    return Pace(
        first_s=settings.resolution.interval_seconds,
        longest_s=settings.resolution.longest_interval_seconds,
        give_up_s=settings.resolution.give_up_after_seconds,
        recheck_s=settings.resolution.recheck_after_seconds,
        metadata_s=settings.resolution.metadata_interval_seconds,
    )


class ResolutionPoller:
    """One request at a time, each one row; those of metadata are rows only where it differs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        exchange = runtime.settings.exchange
        self._urls: dict[Source, str] = {"gamma": exchange.gamma_url, "data_api": exchange.data_url}
        self._producer = Producer(runtime, RESOLUTION)
        self._rows = RequestRows(runtime, self._producer, exchange.gamma_url, "resolution_rows_dropped_total")
        self._discovered = DiscoveredMarkets(
            runtime.data_root, runtime.settings.discovery, runtime.assignment.exchange
        )
        self._http = open_session(runtime.assignment.exchange, ca_file=runtime.settings.websocket.ca_file)
        self._file = WaitingFile(runtime.data_root, runtime.assignment.exchange)
        pace = _pace(runtime.settings)
        self._watch = ResolutionWatch(pace, self._file.load())
        self._hosts = {source: _Host(pace.longest_s) for source in SOURCES}
        self._call: BackgroundCall[HttpAnswer] | None = None
        self._question = Question("gamma", "", ())
        self._requested_at_ns = 0
        self._next_question_ns = self._next_look_ns = self._next_save_ns = 0
        self._metadata_turn = True
        self._stop_at_ns: int | None = None

    def step(self, timeout_s: float) -> bool:
        """Ask what is due, record what was answered, serve the queue. False when stopped and drained."""
        now = self._runtime.clock.monotonic_ns()
        self._look(now)
        if self._call is not None:
            self._take(self._call, now)
        elif self._stop_at_ns is None and now >= self._next_question_ns:
            self._ask_what_is_due(now)
        self._rows.declare()
        self._producer.serve(now)
        if self._stop_at_ns is not None and self._call is None and self._producer.drained:
            return False
        busy = self._call is not None or self._stop_at_ns is not None
        self._producer.wait(0.01 if busy else timeout_s)
        return True

    def _look(self, now: int) -> None:
        if now >= self._next_look_ns:
            self._next_look_ns = now + LOOK_NS
            wall_ns = self._runtime.clock.wall_ns()
            for each in self._watch.select(self._discovered.markets(now), wall_ns):
                self._runtime.tally.add("resolutions_given_up_total")
                told = {source: asked.winner for source, asked in each.asked.items()}
                log.warning("outcome given up", extra={"market_slug": each.slug, "told": told})
        if self._watch.changed and now >= self._next_save_ns:
            self._next_save_ns = now + SAVE_NS
            self._save()

    def _save(self) -> None:
        if not self._file.save(self._watch.take_state()):
            self._watch.changed = True

    def _ask_what_is_due(self, now: int) -> None:
        """Outcomes and metadata in turn, so that many of one do not hold the other up."""
        wall_ns = self._runtime.clock.wall_ns()
        turns = (self._metadata_question, self._outcome_question)
        for make in turns if self._metadata_turn else reversed(turns):
            question = make(now, wall_ns)
            if question is not None:
                self._metadata_turn = not question.of_metadata
                self._ask(question, now)
                return
        self._next_question_ns = now + SPACING_NS

    def _outcome_question(self, now: int, wall_ns: int) -> Question | None:
        if self._may_ask("data_api", now) and (due := self._watch.due("data_api", wall_ns)):
            return ask_data_api(self._urls["data_api"], due)
        if self._may_ask("gamma", now) and (due := self._watch.due("gamma", wall_ns)):
            return ask_gamma(self._urls["gamma"], due[0])
        return None

    def _metadata_question(self, now: int, wall_ns: int) -> Question | None:
        if self._may_ask("gamma", now) and (due := self._watch.metadata_due(wall_ns)):
            return ask_gamma(self._urls["gamma"], due[0], of_metadata=True)
        return None

    def _may_ask(self, source: Source, now: int) -> bool:
        return now >= self._hosts[source].not_before_ns

    def _ask(self, question: Question, now: int) -> None:
        timeout_s = self._runtime.settings.resolution.request_timeout_seconds
        self._question, self._requested_at_ns = question, self._runtime.clock.wall_ns()
        self._next_question_ns = now + SPACING_NS
        self._call = BackgroundCall(lambda: fetch(self._http, "GET", question.url, timeout_s=timeout_s))

    def _take(self, call: BackgroundCall[HttpAnswer], now: int) -> None:
        if not call.done:
            if self._stop_at_ns is not None and now > self._stop_at_ns:
                self._call = None
                self._record(None, Judged(error="the recorder stopped before the answer came"))
            return
        self._call = None
        host = self._hosts[self._question.source]
        try:
            answer = call.result()
        except ExchangeError as error:
            host.failed(str(error), now, retry_after=0)
            self._note(None, Judged(error=str(error)))
            return
        judged = judge(self._question, answer)
        if judged.host_failed:
            wait_s = retry_after_s(answer.status_code, answer.headers)
            host.failed(f"{self._urls[self._question.source]} {judged.error}", now, retry_after=wait_s)
        else:
            host.answered()
        self._note(answer, judged)

    def _note(self, answer: HttpAnswer | None, judged: Judged) -> None:
        question, wall_ns = self._question, self._runtime.clock.wall_ns()
        self._runtime.tally.add("resolution_requests_total")
        if judged.error is not None:
            self._runtime.tally.add("resolution_failures_total")
            log.warning("no answer about windows", extra={"reason": judged.error, "url": question.url})
        if question.of_metadata:
            digest = metadata_digest(judged.market) if judged.market is not None else ""
            if self._watch.metadata_seen(question.asked[0], digest, wall_ns):
                self._record(answer, judged)
            return
        self._record(answer, judged)
        for each in question.asked:
            self._tell(
                each, self._watch.answered(each, question.source, judged.winners.get(each.slug), wall_ns)
            )

    def _tell(self, each: Waiting, change: Change) -> None:
        tally, shown = self._runtime.tally, {"market_slug": each.slug}
        if change.resolved:
            tally.add("windows_resolved_total")
        if change.corrected:
            tally.add("resolutions_corrected_total")
            log.warning("outcome corrected", extra={**shown, "source": self._question.source})
        if change.disagrees:
            tally.add("resolution_disagreements_total")
            log.error("sources disagree on an outcome", extra={**shown, "reason": each.disagreement})

    def _record(self, answer: HttpAnswer | None, judged: Judged) -> None:
        question = self._question
        kind = MARKET_METADATA if question.of_metadata else RESOLUTION_ANSWER
        request = Request(question.url, question.tokens, self._requested_at_ns)
        told = {slug for slug, winner in judged.winners.items() if winner or question.of_metadata}
        missing = tuple(token.token_id for token in question.tokens if token.market_slug not in told)
        self._rows.record(kind, request, answer, judged.error, missing)

    def stop(self) -> None:
        """Ask nothing more; a request under way has a moment left."""
        self._stop_at_ns = self._runtime.clock.monotonic_ns() + STOP_WAIT_NS

    def details(self) -> ResolutionDetails:
        """What is waited for, as the run manifest shows it."""
        counters, now = self._runtime.tally.counters, self._runtime.clock.monotonic_ns()
        failing = [words for host in self._hosts.values() if (words := host.failing(now))]
        return ResolutionDetails(
            last_error=next((host.last_error for host in self._hosts.values() if host.last_error), ""),
            gaps=self._rows.gaps,
            outbox=self._producer.shown(self._rows.told_until_ns),
            shown=ResolutionShown(
                waiting=self._watch.waiting,
                resolved=counters["windows_resolved_total"],
                given_up=counters["resolutions_given_up_total"],
                corrected=counters["resolutions_corrected_total"],
                disagreements=tuple(self._watch.disagreements[:SHOWN]),
                failing="; ".join(failing),
            ),
        )

    def close(self) -> None:
        """Keep what is waited for, and release the outbox; drained, it is gone."""
        self._http.close()
        self._save()
        self._producer.close(finished=self._stop_at_ns is not None)


if __name__ == "__main__":
    main(ResolutionPoller)
