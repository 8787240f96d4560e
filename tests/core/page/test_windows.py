from typing import Any

from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.ledger.document import Condition
from common.core.page.windows import (
    PAGE_SIZE,
    AskedWindow,
    LedgerWindows,
    LedgerWindowToken,
    Window,
    WindowChart,
    WindowToken,
    asked_together,
    joined_windows,
    stretch_of,
    window_of_market,
    windows_of_ledger,
    windows_of_today,
    windows_view,
)

NOW = parse_utc_ns("2026-11-23T12:31:00Z")
START_S = 1_795_435_200  # 12:00
SLUG = f"btc-updown-5m-{START_S}"


def token(
    slug: str = SLUG, outcome: str = "Up", condition: Condition = "complete", gap_seconds: float = 0.0
) -> LedgerWindowToken:
    return LedgerWindowToken(slug + outcome, slug, outcome, condition, gap_seconds, unaccounted_seconds=0.5)


def ledger(*tokens: LedgerWindowToken, hour: int = 12) -> LedgerWindows:
    return LedgerWindows(f"2026-11-23T{hour}:00:00Z", f"2026-11-23T{hour + 1}:00:00Z", tokens)


def at(window: Window) -> tuple[str, str | None]:
    return utc_text(window.start_ns)[11:16], None if window.end_ns is None else utc_text(window.end_ns)[11:16]


def test_a_window_of_a_ledger_has_the_time_of_its_slug_and_the_worst_of_its_outcomes() -> None:
    [window] = windows_of_ledger(ledger(token(outcome="Down", condition="gap"), token(gap_seconds=1.5)))
    assert at(window) == ("12:00", "12:05")
    assert [each.outcome for each in window.tokens] == ["Up", "Down"]
    assert (window.condition, window.gap_seconds) == ("gap", 2.0)


def test_a_market_whose_slug_has_no_time_reaches_over_the_ledgers_that_it_is_in() -> None:
    [first] = windows_of_ledger(ledger(token("rain", "Yes"), hour=10))
    [second] = windows_of_ledger(ledger(token("rain", "Yes", condition="missing", gap_seconds=3600.0)))
    both = joined_windows(joined_windows(None, first), second)
    assert (at(both), both.condition, both.gap_seconds) == (("10:00", "13:00"), "missing", 3601.0)


def market(slug: str, start: str = "", end: str = "") -> dict[str, Any]:
    tokens = [{"token_id": f"{slug}1", "outcome": "Up"}]
    return {"slug": slug, "start_time_utc": start, "end_time_utc": end, "tokens": tokens}


def test_the_times_of_a_market_that_is_recorded_stay_when_ledgers_are_written() -> None:
    hourly = window_of_market(market("bitcoin-up", "2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"))
    assert hourly is not None
    for hour in (11, 12, 13):
        [of_ledger] = windows_of_ledger(ledger(token("bitcoin-up"), hour=hour))
        hourly = joined_windows(hourly, of_ledger)
    assert (at(hourly), hourly.condition) == (("12:00", "13:00"), "complete")
    assert window_of_market(market("x", "soon", "later")) is None


def window(slug: str, start: str, end: str | None) -> Window:
    day = "2026-11-23T" if "T" not in start else ""
    end_ns = None if end is None else parse_utc_ns(f"{day}{end}:00Z")
    return Window(slug, (WindowToken(slug, "Up"),), parse_utc_ns(f"{day}{start}:00Z"), end_ns)


def test_windows_of_today_come_newest_first_and_those_to_come_or_of_yesterday_do_not() -> None:
    found = windows_of_today(
        [
            window("early", "00:00", "00:05"),
            window("live", "12:30", "12:35"),
            window("coming", "12:35", "12:40"),
            window("yesterday", "2026-11-22T23:55", "2026-11-23T00:00"),
            window("always", "2026-11-01T00:00", None),
        ],
        search="",
        now_ns=NOW,
    )
    assert [each.slug for each in found] == ["live", "early", "always"]
    assert [each.slug for each in windows_of_today(found, search=" LIV", now_ns=NOW)] == ["live"]


def test_a_chart_reaches_over_the_window_but_not_over_more_hours_than_a_replay_takes() -> None:
    def hours(of: Window) -> list[str]:
        return [utc_text(instant)[:16] for instant in stretch_of(of, NOW)]

    assert hours(window("5m", "12:30", "12:35")) == ["2026-11-23T12:30", "2026-11-23T12:35"]
    assert hours(window("daily", "2026-11-22T17:00", "2026-11-23T17:00")) == [
        "2026-11-23T13:00",
        "2026-11-23T17:00",
    ]
    assert hours(window("always", "2026-11-01T00:00", None)) == ["2026-11-23T11:30", "2026-11-23T12:30"]
    assert hours(window("new", "12:01", None)) == ["2026-11-23T12:01", "2026-11-23T12:30"]


def test_two_thousand_windows_are_some_pages_of_which_one_is_shown() -> None:
    many = [
        Window(f"w{number:04}", (WindowToken(str(number), "Up"),), NOW - 10**9, NOW + number * NS_PER_SECOND)
        for number in range(2000)
    ]
    found = windows_of_today(many, search="", now_ns=NOW)
    chart = WindowChart("w1999", (0.5, None), ((0.0, 0.25),), "Up", utc_text(NOW), final=True)
    view = windows_view(found, {"w1999": chart, "w1998": "too long"}, page=1, drawing=True, now_ns=NOW)
    assert (view["found"], view["pages"], len(view["windows"])) == (2000, -(-2000 // PAGE_SIZE), PAGE_SIZE)
    first, second, third = view["windows"][:3]
    assert (first["slug"], first["chart"], first["why_not"]) == ("w1999", chart, None)
    assert (second["chart"], second["why_not"], third["chart"]) == (None, "too long", None)
    last = windows_view(found, {}, page=99_999, drawing=False, now_ns=NOW)
    assert (last["page"], last["windows"][-1]["slug"]) == (view["pages"], "w0000")


def test_windows_within_ten_minutes_are_asked_for_together_and_long_ones_by_themselves() -> None:
    def asked(slug: str, start: str, end: str) -> AskedWindow:
        of = window(slug, start, end)
        return AskedWindow(of, *stretch_of(of, NOW))

    short = [asked(f"at {minute}", f"12:{minute:02}", f"12:{minute + 5:02}") for minute in (15, 20)]
    long = [asked(f"long {number}", "09:00", "13:00") for number in (1, 2)]
    early = asked("early", "12:00", "12:05")
    together = asked_together([*long, early, *short])
    assert {each.window.slug for each in together} == {each.window.slug for each in short}
    assert {each.window.slug for each in asked_together(long)} == {"long 1", "long 2"}
    assert asked_together([]) == ()
