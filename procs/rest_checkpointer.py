"""Fetches the books of all recorded tokens over REST on schedule, and records each answer or failure."""

import logging
from collections import deque
from collections.abc import Sequence

from common.core.feed.rest_watch import RestWatch
from common.core.market import Token
from common.core.rows.names import REST_CHECKPOINTS
from common.core.rows.rest import REST_CHECKPOINT, HttpAnswer
from common.errors import ExchangeError
from common.feed.token_share import DiscoveredMarkets
from common.polymarket.books import BOOKS_PATH, books_body, judge_books, portions, retry_after_s
from common.polymarket.http import fetch, open_session
from common.runtime.background import BackgroundCall
from common.runtime.process import Runtime, main
from common.runtime.producer import Producer
from common.runtime.request_rows import Request, RequestRows
from common.runtime.run.details import CheckpointerDetails

STOP_WAIT_NS = 2_000_000_000

log = logging.getLogger("rest_checkpointer")


class RestCheckpointer:
    """One request at a time; an interval begins with the first of its requests."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._producer = Producer(runtime, REST_CHECKPOINTS)
        self._discovered = DiscoveredMarkets(
            runtime.data_root, runtime.settings.discovery, runtime.assignment.exchange
        )
        self._http = open_session(runtime.assignment.exchange, ca_file=runtime.settings.websocket.ca_file)
        self._url = runtime.settings.exchange.clob_url.rstrip("/") + BOOKS_PATH
        self._rows = RequestRows(runtime, self._producer, self._url, "rest_checkpoints_dropped_total")
        self._interval_ns = int(runtime.settings.rest_checkpoint.interval_seconds * 1e9)
        self._next_round_ns = 0
        self._not_before_ns = 0
        self._waiting: deque[Sequence[Token]] = deque()
        self._call: BackgroundCall[HttpAnswer] | None = None
        self._asked: Sequence[Token] = ()
        self._requested_at_ns = 0
        self._last_error = ""
        self._watch = RestWatch()
        self._requested_ns = 0
        self._stop_at_ns: int | None = None

    def step(self, timeout_s: float) -> bool:
        """Ask what is due, record what was answered, serve the queue. False when stopped and drained."""
        now = self._runtime.clock.monotonic_ns()
        if self._call is not None:
            self._take(self._call, now)
        elif self._stop_at_ns is None:
            self._ask_what_is_due(now)
        self._rows.declare()
        self._producer.serve(now)
        if self._stop_at_ns is not None and self._call is None and self._producer.drained:
            return False
        busy = self._call is not None or self._stop_at_ns is not None or bool(self._waiting)
        self._producer.wait(0.01 if busy else timeout_s)
        return True

    def _ask_what_is_due(self, now: int) -> None:
        if now >= self._next_round_ns and not self._waiting:  # a late round is finished first
            tokens = self._discovered.tokens(now)
            if not tokens:
                self._watch.succeeded()  # there is nothing to fail with
                self._state_problem(now)
                return
            on_schedule = self._next_round_ns + self._interval_ns
            self._next_round_ns = on_schedule if on_schedule > now else now + self._interval_ns
            size = self._runtime.settings.rest_checkpoint.max_tokens_per_request
            self._waiting = deque(portions(tokens, size))
        if self._waiting and now >= self._not_before_ns:
            self._ask(self._waiting.popleft())

    def _ask(self, tokens: Sequence[Token]) -> None:
        timeout_s = self._runtime.settings.rest_checkpoint.request_timeout_seconds
        body = books_body(tokens)
        self._asked = tokens
        self._requested_ns = self._runtime.clock.monotonic_ns()
        self._requested_at_ns = self._runtime.clock.wall_ns()
        self._call = BackgroundCall(
            lambda: fetch(self._http, "POST", self._url, body=body, timeout_s=timeout_s)
        )

    def _take(self, call: BackgroundCall[HttpAnswer], now: int) -> None:
        if not call.done:
            if self._stop_at_ns is not None and now > self._stop_at_ns:
                self._record(None, "the recorder stopped before the answer came", ())
            return
        try:
            answer = call.result()
        except ExchangeError as error:
            missing = tuple(token.token_id for token in self._asked)
            self._record(None, str(error), missing)
            self._judge(str(error), missing, now)
            return
        self._not_before_ns = now + int(retry_after_s(answer) * 1e9)
        error_words, missing = judge_books(answer, self._asked)
        self._record(answer, error_words, missing)
        self._judge(error_words, missing, now)

    def _judge(self, error: str | None, missing: tuple[str, ...], now: int) -> None:
        """Note whether a request brought anything; after a round that did not, the next one comes sooner."""
        absent = set(missing)
        trades = [token for token in self._asked if token.trades_at(self._requested_at_ns)]
        if error is not None or (trades and all(token.token_id in absent for token in trades)):
            words = error or f"answered without a book of any of {len(trades)} tokens that trade"
            self._watch.failed(words, self._requested_ns)
        elif trades:
            self._watch.succeeded()
        if not self._waiting:
            self._watch.round_over()
            if self._watch.fails:
                self._next_round_ns = min(self._next_round_ns, self._requested_ns + self._interval_ns // 2)
        self._state_problem(now)

    def _state_problem(self, now: int) -> None:
        words = self._watch.problem(now)
        reasons = {"": f"{self._url}: {words}; books are recorded from the websocket alone"} if words else {}
        self._runtime.problems.state("rest_failing", reasons)

    def _record(self, answer: HttpAnswer | None, error: str | None, missing: tuple[str, ...]) -> None:
        self._call = None
        request = Request(self._url, self._asked, self._requested_at_ns, "POST", books_body(self._asked))
        self._rows.record(REST_CHECKPOINT, request, answer, error, missing)
        self._runtime.tally.add("rest_requests_total")
        self._last_error = f"{self._url}: {error}" if error is not None else ""
        if error is not None:
            self._runtime.tally.add("rest_failures_total")
            log.warning("checkpoint failed", extra={"reason": error, "url": self._url})

    def stop(self) -> None:
        """Ask nothing more; a request under way has a moment left."""
        self._stop_at_ns = self._runtime.clock.monotonic_ns() + STOP_WAIT_NS
        self._waiting.clear()

    def details(self) -> CheckpointerDetails:
        """The outbox and the last error, as the run manifest shows them."""
        return CheckpointerDetails(
            last_error=self._last_error,
            gaps=self._rows.gaps,
            outbox=self._producer.shown(self._rows.told_until_ns),
        )

    def close(self) -> None:
        """Release the outbox; drained, it is gone."""
        self._http.close()
        self._producer.close(finished=self._stop_at_ns is not None)


if __name__ == "__main__":
    main(RestCheckpointer)
