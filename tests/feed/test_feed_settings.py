from common.config import WebsocketSettings
from common.core.feed.rules import Event
from common.feed.feed_settings import HEALTHY_NS, feed_rules

SECOND = 1_000_000_000


def test_a_connection_that_the_exchange_ends_every_ten_seconds_is_dialed_again_soon_each_time() -> None:
    feed = feed_rules(WebsocketSettings(), handshake_timeout_s=10)
    now = waited = 0
    feed.take(Event.TOKENS_APPEARED, now)
    for _ in range(20):
        feed.take(Event.WAIT_OVER, now)
        feed.take(Event.CONNECTED, now)
        for _ in range(10):
            feed.take(Event.MARKET_DATA, now)
            now += SECOND
        feed.take(Event.ENDED, now)
        wait_ns = int(feed.wait_s * SECOND)
        now, waited = now + wait_ns, waited + wait_ns
    assert waited < now / 20, "less than a twentieth of the time"


def test_one_that_ends_before_it_is_of_use_is_waited_for_ever_longer() -> None:
    feed = feed_rules(WebsocketSettings(), handshake_timeout_s=10)
    feed.take(Event.TOKENS_APPEARED, 0)
    for _ in range(20):
        feed.take(Event.WAIT_OVER, 0)
        feed.take(Event.CONNECTED, 0)
        feed.take(Event.MARKET_DATA, 0)
        feed.take(Event.ENDED, HEALTHY_NS - 1)
    assert feed.wait_s >= WebsocketSettings().reconnect_max_delay_seconds / 2
