import pytest

from common.core.discovery.rolling_series import (
    Span,
    expected_spans,
    has_computable_slugs,
    is_rolling,
    other_alignments,
    series_of_slug,
    slug_at,
    slug_marks,
    span_of_slug,
    tag_of,
    window_seconds,
)

NOW = 1_795_435_860  # 60 s into windows of five and fifteen minutes


@pytest.mark.parametrize(
    ("slug", "series"),
    [
        ("btc-updown-5m-1784850900", "btc-up-or-down-5m"),
        ("eth-updown-15m-1784850900", "eth-up-or-down-15m"),
        ("btc-updown-4h-1784850900", "btc-up-or-down-4h"),
        ("bitcoin-up-or-down-july-24-2026-8am-et", "btc-up-or-down-hourly"),
        ("bitcoin-up-or-down-july-24-12pm-et", "btc-up-or-down-hourly"),
        ("solana-up-or-down-on-july-24-2026", "sol-up-or-down-daily"),
        ("bitcoin-above-90k-on-july-24", None),
        ("btc-updown-5m-soon", None),
    ],
)
def test_the_series_follows_from_the_slug(slug: str, series: str | None) -> None:
    assert series_of_slug(slug) == series


def test_what_a_series_name_says() -> None:
    assert [
        window_seconds(f"btc-up-or-down-{length}") for length in ("5m", "15m", "4h", "hourly", "daily")
    ] == [
        300,
        900,
        14_400,
        3600,
        86_400,
    ]
    assert window_seconds("nba-2026") is None
    assert not is_rolling("highest-temperature-daily"), "only up/down series are windows one after another"
    assert has_computable_slugs("xrp-up-or-down-1h")
    assert not has_computable_slugs("btc-up-or-down-hourly")
    assert (tag_of("btc-up-or-down-5m"), tag_of("xrp-up-or-down-5m"), tag_of("nba")) == (
        "bitcoin",
        "xrp",
        None,
    )
    assert slug_marks("eth-up-or-down-hourly") == ("eth-updown-", "ethereum-up-or-down-")
    assert slug_marks("nba-2026") == ("nba-2026",)
    assert span_of_slug("btc-updown-5m-1795435800") == Span(1_795_435_800, 1_795_436_100)
    assert span_of_slug("nba-final") is None


def test_the_windows_that_must_be_there_follow_from_the_clock() -> None:
    spans = expected_spans("eth-up-or-down-5m", (), now_s=NOW, until_s=NOW + 600)
    assert [slug_at("eth-up-or-down-5m", span.start) for span in spans] == [
        f"eth-updown-5m-{NOW - 60 + 300 * place}" for place in range(3)
    ]
    assert expected_spans("eth-up-or-down-5m", (), now_s=NOW, until_s=NOW) == (Span(NOW - 60, NOW + 240),)
    assert expected_spans("btc-up-or-down-daily", (), now_s=NOW, until_s=NOW) == ()


def test_known_windows_say_how_long_they_are_and_how_they_lie() -> None:
    known = [Span(NOW - 13, NOW - 3), Span(NOW - 3, NOW + 7), Span(NOW, NOW + 300)]
    assert expected_spans("btc-up-or-down-5m", known, now_s=NOW, until_s=NOW) == (Span(NOW - 3, NOW + 7),)


def test_long_windows_may_lie_hours_apart_and_short_ones_do_not() -> None:
    [span] = expected_spans("btc-up-or-down-4h", (), now_s=NOW, until_s=NOW)
    assert {(other.start - span.start) // 3600 for other in other_alignments("btc-up-or-down-4h", span)} == {
        -3,
        -2,
        -1,
        1,
    }
    [short] = expected_spans("btc-up-or-down-15m", (), now_s=NOW, until_s=NOW)
    assert other_alignments("btc-up-or-down-15m", short) == ()
