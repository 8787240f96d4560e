"""The reader's table of rules, with the limits that the settings give it."""

import random

import msgspec

from common.config import Settings, WebsocketSettings
from common.core.backoff import Backoff
from common.core.feed.rules import FeedLimits, FeedRules

NS = 1_000_000_000
HEALTHY_NS = (
    5 * NS
)  # of market data: a connection that the exchange ends again and again is dialed again soon


NEVER = 1 << 30  # so many stale sessions in a row do not put the markets in doubt


def reference_rules(settings: Settings, *, handshake_timeout_s: float) -> FeedRules:
    """The same table for a source of reference prices: one silence is allowed, before and after the first price."""
    silence_s = settings.reference.silence_seconds
    websocket = msgspec.structs.replace(
        settings.websocket,
        first_message_timeout_seconds=silence_s,
        stale_feed_threshold_seconds=silence_s,
        max_consecutive_stale_reconnects_before_discovery_refresh=NEVER,
    )
    return feed_rules(websocket, handshake_timeout_s=handshake_timeout_s)


def feed_rules(websocket: WebsocketSettings, *, handshake_timeout_s: float) -> FeedRules:
    """Rules at their beginning; dialing may take two handshakes' time."""
    limits = FeedLimits(
        dial_ns=int(2 * handshake_timeout_s * NS),
        first_message_ns=int(websocket.first_message_timeout_seconds * NS),
        stale_ns=int(websocket.stale_feed_threshold_seconds * NS),
        close_ns=2 * NS,
        discovery_ns=20 * NS,
        healthy_ns=HEALTHY_NS,
        stale_before_discovery=websocket.max_consecutive_stale_reconnects_before_discovery_refresh,
    )
    backoff = Backoff(
        first_s=websocket.reconnect_initial_delay_seconds,
        longest_s=websocket.reconnect_max_delay_seconds,
        chance=random.random,
    )
    return FeedRules(limits, backoff)
