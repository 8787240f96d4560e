"""One discovery: what Gamma lists now, and what of it is recorded."""

from pathlib import Path

import msgspec

from common.config import Settings
from common.core.gamma_market import longest_window_seconds
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Exchange
from common.core.selection import Rules, keep_ending, select_markets
from common.errors import DiscoveryError
from common.polymarket.discovery_file import read_discovery_file, write_discovery_file
from common.polymarket.gamma import Found, fetch_markets
from common.polymarket.http import Session, open_session

CLOCK_TOLERANCE_NS = 120 * NS_PER_SECOND


def discover(settings: Settings, now_ns: int, exchange: Exchange | None = None) -> DiscoveryFile:
    """Ask Gamma and select by the settings of `discovery`. Writes nothing. `exchange`: whose answer alone is taken.

    Where our clock is clearly off, the exchange's counts: a stepped clock must not drop the windows of now.
    Raises DiscoveryError when Gamma did not give a whole answer; an answer without a market to record is one.
    """
    with open_session(exchange) as session:
        return _discover(session, settings, now_ns)


def _discover(session: Session, settings: Settings, now_ns: int) -> DiscoveryFile:
    found = _fetch(session, settings, now_ns)
    warnings = found.warnings
    if found.answered_at_ns is not None and abs(found.answered_at_ns - now_ns) > CLOCK_TOLERANCE_NS:
        off_s = (now_ns - found.answered_at_ns) // NS_PER_SECOND
        now_ns = found.answered_at_ns
        found = _fetch(session, settings, now_ns)
        warnings = (*found.warnings, f"this machine's clock is {off_s} s off; took the exchange's instead")
    wanted = settings.discovery
    rules = Rules(
        series=wanted.series,
        lookahead_seconds=wanted.lookahead_seconds,
        market_end_grace_seconds=wanted.market_end_grace_seconds,
        market_limit=wanted.market_limit,
    )
    markets, candidates = select_markets(found.objects, now_ns=now_ns, rules=rules)
    return DiscoveryFile(
        schema_version=DISCOVERY_SCHEMA_VERSION,
        discovered_at_utc=utc_text(now_ns),
        source=settings.exchange.gamma_url,
        series=wanted.series,
        markets=markets,
        candidates=candidates,
        warnings=warnings,
        exchange=session.exchange or "live",
    )


def _fetch(session: Session, settings: Settings, now_ns: int) -> Found:
    wanted = settings.discovery
    horizon_seconds = wanted.lookahead_seconds + longest_window_seconds(wanted.series)
    return fetch_markets(
        session,
        settings.exchange.gamma_url,
        ends_from_ns=now_ns - int(wanted.market_end_grace_seconds * NS_PER_SECOND),
        ends_until_ns=now_ns + int(horizon_seconds * NS_PER_SECOND),
    )


def refresh(settings: Settings, path: Path, now_ns: int, exchange: Exchange) -> DiscoveryFile:
    """Discover, keep what was recorded and is just ending, and replace the discovery file.

    Only what this exchange answers is taken, and only what it answered before is kept. Raises DiscoveryError, with
    the file as it was.
    """
    found = discover(settings, now_ns, exchange)
    try:
        before = read_discovery_file(path, exchange).markets
    except DiscoveryError:
        before = ()  # there was none, or none that can be read: it is replaced
    kept = keep_ending(
        before,
        found.markets,
        now_ns=parse_utc_ns(found.discovered_at_utc),
        grace_seconds=settings.discovery.market_end_grace_seconds,
    )
    found = msgspec.structs.replace(found, markets=kept)
    write_discovery_file(path, found)
    return found
