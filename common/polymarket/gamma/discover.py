"""One discovery: what Gamma offers of the selection now, what of it is recorded, and what is wrong."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from common.config import Settings
from common.core.discovery.exchange_clock import Judgement, Sighting, judge_clock
from common.core.discovery.file_parts import (
    candidates_told,
    closed_slugs,
    reasons_left_out,
    series_known,
)
from common.core.discovery.findings import (
    incomplete_answers,
    is_limited,
    items_without_match,
    series_never_seen,
    unreadable_markets,
    windows_not_recorded,
    wrong_clock,
)
from common.core.discovery.offers import newest_update_ns
from common.core.discovery.selection import Before, Rules, Selection, select_markets
from common.core.instants import utc_text
from common.core.market import (
    DISCOVERY_SCHEMA_VERSION,
    DiscoveryFile,
    Exchange,
    Finding,
    Market,
)
from common.errors import DiscoveryError, ExchangeError
from common.polymarket.gamma.answers import answered_at_ns
from common.polymarket.gamma.client import TOTAL_TIMEOUT_S, Gamma
from common.polymarket.gamma.discovery_file import read_discovery_file, write_discovery_file
from common.polymarket.gamma.gathered import Gathered
from common.polymarket.gamma.series_source import Reach
from common.polymarket.gamma.sources import Sources
from common.polymarket.http import Session, fetch, open_session
from common.version import PROGRAM_VERSION

MOST_ASKED_AGAIN = 60  # recorded markets that are asked for one by one in one discovery
CLOCK_TIMEOUT_S = 5.0


class Discovery(msgspec.Struct, frozen=True):
    """The content of the discovery file, the requests that failed, and what Gamma said of single windows."""

    file: DiscoveryFile
    failures: tuple[str, ...]
    said: Mapping[str, str]


class Discoverer:
    """Discovers again and again; remembers series ids, and which recorded markets Gamma once called closed.

    Only what `exchange` answers is taken, and only what it answered before is kept; None takes either.
    """

    def __init__(self, settings: Settings, exchange: Exchange | None = None) -> None:
        self._settings = settings
        self._exchange = exchange
        wanted = settings.discovery
        self._rules = Rules(
            wanted=wanted.wanted,
            lookahead_seconds=wanted.lookahead_seconds,
            market_end_grace_seconds=wanted.market_end_grace_seconds,
            market_limit=wanted.market_limit,
        )
        self._series_ids: dict[str, str] = {}
        self._called_closed: set[str] = set()

    def discover(
        self, now_ns: int, known: DiscoveryFile | None = None, *, patience_s: float = TOTAL_TIMEOUT_S
    ) -> Discovery:
        """Ask Gamma and select. `known` is what was discovered before; its markets stay until they are over.

        Raises DiscoveryError when Gamma gave no usable answer at all.
        """
        before = known.markets if known is not None else ()
        with open_session(self._exchange, ca_file=self._settings.websocket.ca_file) as session:
            gamma = Gamma(session, self._settings.exchange.gamma_url, now_ns, patience_s=patience_s)
            gathered, clock = self._gather(session, gamma, now_ns, before)
            selection = self._select(gathered, clock, before, frozenset())
            closed = self._ask_again(gamma, gathered, selection)
            if selection.not_listed:
                selection = self._select(gathered, clock, before, closed)
            if gamma.failures and not gamma.has_answered:
                raise DiscoveryError(gamma.failures[0])
            file = msgspec.structs.replace(
                self._file(gamma, gathered, clock, selection, known),
                exchange=session.exchange or "live",
                closed=closed_slugs(closed, known),
            )
        return Discovery(file, tuple(gamma.failures), gathered.said | reasons_left_out(selection))

    def refresh(self, path: Path, now_ns: int, *, patience_s: float = TOTAL_TIMEOUT_S) -> Discovery:
        """Discover with what the discovery file holds as memory, and replace it.

        Raises DiscoveryError, with the file as it was.
        """
        try:
            known = read_discovery_file(path, self._exchange)
        except DiscoveryError:
            known = None  # there was none, or none that can be read: it is replaced
        found = self.discover(now_ns, known, patience_s=patience_s)
        write_discovery_file(path, found.file)
        return found

    def _gather(
        self, session: Session, gamma: Gamma, now_ns: int, before: tuple[Market, ...]
    ) -> tuple[Gathered, Judgement]:
        gathered = self._ask(gamma, now_ns, before)
        clock = judge_clock(now_ns, gamma.sightings, ())
        if clock.nows != (now_ns,):
            witness = _clock_of(session, self._settings.exchange.clob_url, now_ns)
            clock = judge_clock(now_ns, gamma.sightings, witness, newest_update_ns(gathered.offers))
        for other_ns in clock.nows:
            if other_ns != now_ns:
                more = self._ask(gamma, other_ns, before)
                gathered.add(more)
        return gathered, clock

    def _ask(self, gamma: Gamma, now_ns: int, before: tuple[Market, ...]) -> Gathered:
        reach = Reach(now_ns, self._rules.market_end_grace_seconds, self._rules.lookahead_seconds)
        sources = Sources(gamma, reach, self._series_ids, before)
        for item in self._rules.wanted.items:
            sources.ask(item)
        return sources.gathered

    def _select(
        self, gathered: Gathered, clock: Judgement, before: tuple[Market, ...], closed: frozenset[str]
    ) -> Selection:
        return select_markets(
            gathered.offers, nows=clock.nows, rules=self._rules, before=Before(before, closed)
        )

    def _ask_again(self, gamma: Gamma, gathered: Gathered, selection: Selection) -> frozenset[str]:
        """Ask for the recorded markets that did not come. Those that are closed for the second time."""
        confirmed = set()
        self._called_closed &= {
            market.slug for market in selection.not_listed
        }  # the others came as open ones
        for market in selection.not_listed[:MOST_ASKED_AGAIN]:
            offer = Sources(gamma, _NO_REACH, self._series_ids, ()).ask_again(market)
            if offer is None:
                continue
            gathered.offers.append(offer)
            alone = select_markets([offer], nows=(0,), rules=self._rules)
            if market.slug not in alone.said_closed:
                self._called_closed.discard(market.slug)
            elif market.slug in self._called_closed | selection.said_closed:
                confirmed.add(market.slug)
            else:
                self._called_closed.add(market.slug)
        return frozenset(confirmed)

    def _file(
        self,
        gamma: Gamma,
        gathered: Gathered,
        clock: Judgement,
        selection: Selection,
        known: DiscoveryFile | None,
    ) -> DiscoveryFile:
        wanted = self._rules.wanted
        known_series = series_known(gathered.answered, known, wanted)
        findings = self._findings(gamma, gathered, clock, selection, known_series)
        warnings = [clock.warning] if clock.warning else []
        warnings += [
            *gamma.remarks,
            *gamma.failures,
            *series_never_seen(gathered.answered, known_series, findings),
        ]
        return DiscoveryFile(
            schema_version=DISCOVERY_SCHEMA_VERSION,
            discovered_at_utc=utc_text(gamma.now_ns),
            source=self._settings.exchange.gamma_url,
            series=wanted.series,
            markets=selection.markets,
            candidates=candidates_told(selection),
            warnings=tuple(dict.fromkeys(warnings)),
            confirmed_empty=not (selection.markets or findings or gamma.failures),
            problems=tuple(findings),
            clock_offset_seconds=None if clock.offset_ns is None else round(clock.offset_ns / 1e9, 3),
            series_known=known_series,
            tags=self._settings.discovery.tags,
            events=self._settings.discovery.events,
            named_markets=self._settings.discovery.markets,
            program_version=PROGRAM_VERSION,
        )

    def _findings(
        self,
        gamma: Gamma,
        gathered: Gathered,
        clock: Judgement,
        selection: Selection,
        known_series: tuple[str, ...],
    ) -> list[Finding]:
        wanted = self._rules.wanted
        findings = [
            *unreadable_markets([*selection.unreadable, *gathered.troubles], selection.odd),
            *items_without_match(gathered.answered, wanted, known_series, gathered.offered_names),
            *incomplete_answers(gamma.cut_short, gathered.answered),
            *wrong_clock(clock),
        ]
        if not is_limited(selection.markets, self._rules.market_limit):
            said = gathered.said | reasons_left_out(selection)
            findings += windows_not_recorded(known_series, selection.markets, said, now_ns=clock.nows[0])
        return findings


_NO_REACH = Reach(0, 0, 0)


def discover(settings: Settings, now_ns: int, exchange: Exchange | None = None) -> DiscoveryFile:
    """Ask Gamma once, as if nothing had been recorded before. Writes nothing. Raises DiscoveryError."""
    return Discoverer(settings, exchange).discover(now_ns).file


def refresh(
    settings: Settings,
    path: Path,
    now_ns: int,
    exchange: Exchange,
    *,
    patience_s: float = TOTAL_TIMEOUT_S,
) -> DiscoveryFile:
    """Discover, keep what is recorded and not over, and replace the discovery file.

    Raises DiscoveryError, with the file as it was.
    """
    return Discoverer(settings, exchange).refresh(path, now_ns, patience_s=patience_s).file


def _clock_of(session: Session, url: str, now_ns: int) -> list[Sighting]:
    """What time another host of the exchange thinks it is."""
    try:
        answer = fetch(session, "GET", f"{url.rstrip('/')}/time", timeout_s=CLOCK_TIMEOUT_S)
    except ExchangeError:
        return []
    at_ns = answered_at_ns(answer)
    return [] if at_ns is None else [Sighting(at_ns, now_ns)]
