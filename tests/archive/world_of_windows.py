"""Many compressed windows of the embedded exchange, recorded without a recorder: rows go through the writers' store."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.archive.writing.store import LaneStore
from common.core.batch import Batch
from common.core.envelope import MESSAGE
from common.core.instants import utc_text
from common.core.market import Token
from common.core.rows.facts import RowFacts, facts_of
from common.core.rows.names import REFERENCE, RESOLUTION, Layout
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of
from common.core.rows.rest import MARKET_METADATA, RESOLUTION_ANSWER, Checkpoint, HttpAnswer, checkpoint_row
from common.core.rows.websocket import Rows, message_constant, tokens_tracked_json
from common.polymarket.reference_rows import reference_rows
from common.simulation.faults.catalogue import Fault
from common.simulation.gamma.endpoints import Gamma
from common.simulation.markets.listing import Listing
from common.simulation.markets.model import MarketModel
from common.simulation.reference import E18_A_UNIT
from common.simulation.resolutions import rows_of
from tests.contexts import context_for

START_S = 1_795_435_200  # 2026-11-23T12:00:00Z
WINDOW_S = 10
COINS = ("btc", "eth", "sol")
NS = 1_000_000_000
GAMMA, DATA = "https://gamma.test/markets/slug/", "https://data.test/v2/resolutions?condition="


class _Stream:
    """One producer of one stream; its rows go to a lane of their own."""

    def __init__(self, root: Path, stream: str, lane: int) -> None:
        self.producer = f"{stream}-20261123T120000Z-a1b2c3"
        self.origin = Origin(self.producer, "simulated")
        self.sequence = 0
        self._stream = stream
        self._store = LaneStore.open(root, lane, layout=Layout("runtime"), gzip_level=1)

    def append(self, rows: Rows, facts: RowFacts) -> None:
        self.sequence += 1
        self._store.append_rows(self._stream, self.producer, self.sequence, rows, facts)

    def close(self) -> None:
        self._store.close_all()
        self._store.commit()
        self._store.close()


class World:
    """The exchange's own account of the windows, and the recording of it."""

    def __init__(self, root: Path, faults: Sequence[Fault] = (), *, seed: int = 5) -> None:
        self.model = MarketModel(seed, WINDOW_S, START_S * 1000)
        self.model.set_shapes(faults)
        self.windows: dict[str, Listing] = {}
        self.winners: dict[str, str] = {}
        self._prices, self._answers = _Stream(root, REFERENCE, 0), _Stream(root, RESOLUTION, 1)
        self._context = context_for(
            1,
            session_id=f"{self._prices.producer}-c1",
            connection_sequence=1,
            url="wss://rtds.test",
            subscription_revision=1,
            tokens=(),
        )

    def run(self, seconds: int, *, silent: Iterable[range] = ()) -> None:
        """So many seconds; no prices are recorded in those that are silent."""
        quiet = {second for each in silent for second in each}
        for second in range(1, seconds + 1):
            now_s = START_S + second
            self.model.walk(now_s * 1000)
            if now_s % WINDOW_S == 0:
                self.model.roll(now_s * 1000)
            if second not in quiet:
                self._tell_prices(now_s)
            for listing in list(self.model.calendar.by_slug.values()):
                self._tell_window(listing, now_s)
        self._prices.close()
        self._answers.close()

    def _tell_prices(self, now_s: int) -> None:
        for coin in COINS:
            prices = self.model.prices(coin)
            assert prices is not None
            newest = prices.seconds[-1]
            told = {
                "symbol": f"{coin}/usd",
                "timestamp": newest.at_ms,
                "full_accuracy_value": str(newest.average * E18_A_UNIT),
            }
            frame = json.dumps(
                {"topic": "crypto_prices_twap_sixty", "type": "update", "payload": told}
            ).encode()
            number, at_ns = self._prices.sequence + 1, now_s * NS + 1
            batch = Batch(MESSAGE, number, number, number, at_ns, at_ns, 1, 1, [frame])
            rows = Rows(message_constant(self._context, self._prices.origin), reference_rows(batch).rests)
            facts = RowFacts(at_ns, self._context.session_id, number, number, exchange="simulated")
            self._prices.append(rows, facts)

    def _tell_window(self, listing: Listing, now_s: int) -> None:
        if listing.start is None or listing.end is None or listing.start <= START_S:
            return
        closed = math.ceil(listing.closed)
        if now_s == listing.start:
            self._ask(listing, now_s, MARKET_METADATA, GAMMA + listing.slug)
        elif now_s in (closed, closed + 5):
            self.windows[listing.slug] = listing
            self.winners[listing.slug] = listing.outcomes[self.model.winner(listing)]
            self._ask(listing, now_s, RESOLUTION_ANSWER, GAMMA + listing.slug)
            self._ask(listing, now_s, RESOLUTION_ANSWER, DATA + listing.condition_id)

    def _ask(self, listing: Listing, now_s: int, record_type: str, url: str) -> None:
        if url.startswith(DATA):
            body: object = {
                "data": rows_of(
                    [listing.condition_id],
                    {listing.condition_id: listing},
                    lambda each: self.model.told_winner("data", each, now_s),
                )
            }
        else:
            body = Gamma(self.model, now_s).by_slug("markets", listing.slug)
        row = checkpoint_row(
            Checkpoint(
                origin=self._answers.origin,
                session_id=f"{self._answers.producer}-c1",
                checkpoint_sequence=self._answers.sequence + 1,
                requested_at_ns=now_s * NS,
                received_at_ns=now_s * NS + 1000,
                method="GET",
                url=url,
                body=None,
                answer=HttpAnswer(200, {}, json.dumps(body).encode(), 1.0),
                error=None,
                tokens_tracked_json=tokens_tracked_json(_tokens(listing)),
                record_type=record_type,
            )
        )
        self._answers.append(Rows(b"", [row + b"\n"]), facts_of(row_of(row)))


def _tokens(listing: Listing) -> tuple[Token, ...]:
    end = utc_text((listing.end or 0) * NS)
    return tuple(
        Token(listing.slug, listing.condition_id, token_id, outcome, end, listing.protocol)
        for token_id, outcome in zip(listing.token_ids, listing.outcomes, strict=True)
    )
