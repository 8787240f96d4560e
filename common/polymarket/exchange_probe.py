"""Asks a host which exchange it is, before anything is recorded of it."""

from common.core.market import Exchange
from common.errors import ExchangeError
from common.polymarket.http import fetch, open_session

PROBE_TIMEOUT_S = 3.0


def exchange_at(gamma_url: str, *, ca_file: str = "") -> Exchange | None:
    """The exchange that answers there, whatever the status; None where nothing answers in time."""
    with open_session(ca_file=ca_file) as session:
        try:
            fetch(session, "GET", f"{gamma_url.rstrip('/')}/markets?limit=1", timeout_s=PROBE_TIMEOUT_S)
        except ExchangeError:
            return None
        return session.exchange
