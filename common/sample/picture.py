"""The picture beside a sample's report: messages a second by leg, and the mid prices of the first markets."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from common.archive.merge import Span
from common.archive.replay import read_archive
from common.archive.views.book_views import Recording
from common.archive.views.recorded_span import recorded_span
from common.archive.views.window_charts import window_charts
from common.core.charts import Line, lines_panel, picture
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.market import Market
from common.core.page.windows import AskedWindow, Window, WindowsQuestion, WindowToken
from common.core.rows.names import SAMPLE_FOLDER, WS_RAW, path_word
from common.core.rows.origin import LEGS, Leg
from common.core.rows.websocket import MESSAGE_RECORD
from common.core.sample.account import SampleManifest
from common.errors import ArchiveError

POINTS = 150
MOST_MARKETS = 4


def sample_picture(data_root: Path, manifest: SampleManifest) -> str | None:
    """The picture as SVG; None where no message arrived, or an archive cannot be read to its end."""
    folder = data_root / SAMPLE_FOLDER / WS_RAW / path_word(manifest.run_id)
    try:
        span = recorded_span((folder,)) if folder.is_dir() else None
        if span is None or span.until_ns - span.since_ns < NS_PER_SECOND:
            return None
        rates = [Line(f"leg {leg}", rate) for leg in LEGS if any(rate := _rates(folder, leg, span))]
        prices = _prices(Recording((folder,)), manifest.markets, span)
    except ArchiveError:
        return None
    if not rates:
        return None
    top = max(rate or 0.0 for line in rates for rate in line.values)
    begin, end = (utc_text(at_ns)[11:19] for at_ns in (span.since_ns, span.until_ns))
    panels = [lines_panel("Messages a second", rates, top=top, begin=begin, end=f"{end} UTC")]
    if prices:
        title = "Mid-price of the first outcome, shaded where the recording has a gap"
        panels.append(lines_panel(title, prices, top=1.0, begin=begin, end=f"{end} UTC"))
    return picture(*panels, label="messages a second by leg, and mid prices, over the sample")


def _rates(folder: Path, leg: Leg, span: Span) -> list[float]:
    """A leg's messages a second; of a long sample over some seconds each, without what is left at the end."""
    seconds = (span.until_ns - span.since_ns) // NS_PER_SECOND
    width = -(-seconds // POINTS)
    counts = Counter(
        (row.received_at_ns - span.since_ns) // (width * NS_PER_SECOND)
        for row in read_archive(folder, leg=leg)
        if row.record_type == MESSAGE_RECORD
    )
    return [counts[stretch] / width for stretch in range(seconds // width)]


def _prices(recording: Recording, markets: Sequence[Market], span: Span) -> list[Line]:
    windows = [
        Window(
            market.slug, tuple(WindowToken(each.token_id, each.outcome) for each in market.tokens), 0, None
        )
        for market in markets
        if market.tokens
    ]
    asked = tuple(AskedWindow(each, span.since_ns, span.until_ns) for each in windows[:MOST_MARKETS])
    charts = window_charts(recording, WindowsQuestion(asked, POINTS)) if asked else []
    return [Line(f"{chart.slug}{_won(chart.winner)}", chart.mids, chart.gaps) for chart in charts]


def _won(winner: str | None) -> str:
    return f", {winner} won" if winner else ""
