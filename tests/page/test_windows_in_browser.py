"""The panel of windows as Chromium shows it, where there is one."""

import time
from pathlib import Path

import pytest

from common.config import DiscoverySettings
from common.core.instants import utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Market
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.simulation.markets.windows import SERIES
from tests.archive.legs import Hearing
from tests.archive.legs import record as record_leg
from tests.archive.markets import MS, STEP_MS, World, tokens_at
from tests.archive.views.test_window_charts import resolved
from tests.page.browser import browsing, chromium
from tests.status.test_health_http import Run, telling

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.unmeasured,
]
PHONE = 390
SECONDS = 12
CARD = "document.querySelector('#windows [data-slug=\"{slug}\"]')"


def just_over(count: int, *, seconds: int = SECONDS) -> list[World]:
    """Windows whose first `seconds` are told, the newest just now. One in four has no winner yet."""
    newest_ms = time.time_ns() // MS - (seconds + 2) * 1000
    series = [each for each in SERIES if each.multiple == 1]
    worlds = []
    for number in range(count):
        now_ms = newest_ms - 300_000 * number
        tokens = tokens_at(now_ms // 300_000 * 300, [series[number % len(series)]])
        of = World(tokens, now_ms, seconds * 1000 // STEP_MS)
        worlds.append(of if number % 4 == 3 else resolved(of))
    return worlds


def select(run: Run, *worlds: World) -> None:
    """Their markets as discovery found them, each as long as it is told."""
    markets = []
    for of in worlds:
        last_ms = max(ms for ms, payload in of.messages if b"market_resolved" not in payload)
        times = [utc_text((ms + 100) * MS) for ms in (of.messages[0][0], last_ms)]
        token = of.tokens[0]
        markets.append(
            Market(token.market_slug, token.condition_id, "s", times[0], times[1], tuple(of.tokens))
        )
    found = DiscoveryFile(
        DISCOVERY_SCHEMA_VERSION, utc_text(time.time_ns()), "test", (), tuple(markets), (), ()
    )
    write_discovery_file(discovery_path(run.runtime.data_root, DiscoverySettings()), found)


def test_a_window_shows_its_gap_and_its_winner_once_somebody_looks(tmp_path: Path) -> None:
    [of] = just_over(1)
    card = CARD.format(slug=of.tokens[0].market_slug)
    with telling(tmp_path) as run, browsing(run.url, chromium() or "") as browser:
        run.say_supervisor()
        record_leg(run.runtime.data_root, of, Hearing("a", outages=[(60, 120)]))
        select(run, of)
        browser.open("/", width=PHONE)
        browser.wait_for("document.querySelector('#markets tbody tr')", "the page")
        assert not browser.evaluate("document.querySelector('#windows article')")  # far below: nobody looks
        browser.evaluate("document.querySelector('#windows').scrollIntoView()")
        browser.wait_for(f"{card}?.querySelector('.line')", "a chart")
        assert browser.evaluate(f"{card}.querySelectorAll('.shade').length") == 1
        assert browser.evaluate(f"{card}.querySelectorAll('.mark').length") == 1
        winner: str = browser.evaluate(f"{card}.querySelector('.winner').textContent")
        assert winner == of.tokens[1].outcome
        browser.evaluate(f"{card}.querySelector('button').click()")
        browser.wait_for("document.querySelector('#windows .chosen .shade')", "the larger chart")
        assert browser.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        assert browser.complaints == []
