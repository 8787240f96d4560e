"""What a discovery found to be wrong: messages that name the field, the setting or the window, and say what to do."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from common.core.discovery.exchange_clock import Judgement
from common.core.discovery.offers import Trouble
from common.core.discovery.rolling_series import Span, expected_spans, has_computable_slugs, slug_at
from common.core.discovery.wanted_markets import Item, Wanted
from common.core.instants import NS_PER_SECOND, parse_utc_ns, utc_text
from common.core.market import Finding, Market

_UPDATE = "look for a newer version of this program, or report it with this message"


class Answered(msgspec.Struct, frozen=True):
    """What Gamma said of one item: whether it exists (None: not known), and why it could not be asked, if so."""

    item: Item
    exists: bool | None
    failure: str = ""


def unreadable_markets(unreadable: Iterable[Trouble], odd: Iterable[Trouble]) -> list[Finding]:
    """One finding for each field that is missing, new or odd, with a count and one example."""
    by_field: dict[str, tuple[list[Trouble], list[Trouble]]] = {}
    for place, troubles in enumerate((unreadable, odd)):
        for trouble in troubles:
            by_field.setdefault(trouble.field, ([], []))[place].append(trouble)
    return [Finding("markets_unreadable", field, _of_field(*both)) for field, both in by_field.items()]


def _of_field(unreadable: list[Trouble], odd: list[Trouble]) -> str:
    sentences = []
    if unreadable:
        sentences.append(
            f"{_counted(unreadable)} not recorded, as {unreadable[0].slug}: {unreadable[0].reason}"
        )
    if odd:
        sentences.append(f"{_counted(odd)} recorded with a doubt, as {odd[0].slug}: {odd[0].reason}")
    return f"{'; '.join(sentences)}; {_UPDATE}"


def _counted(troubles: list[Trouble]) -> str:
    count = len({trouble.slug for trouble in troubles})
    return "1 open market is" if count == 1 else f"{count} open markets are"


def items_without_match(
    answered: Iterable[Answered], wanted: Wanted, known_series: Collection[str], offered: Collection[str]
) -> list[Finding]:
    """The items that do not exist. A default series counts only if it once existed, or if none of them exists."""
    missing = [each.item for each in answered if each.exists is False and not each.failure]
    if wanted.is_default and len(missing) < len(wanted.items):
        missing = [item for item in missing if item.name in known_series]
    return [Finding("selection_matches_nothing", item.name, _no_match(item, offered)) for item in missing]


def _no_match(item: Item, offered: Collection[str]) -> str:
    close = difflib.get_close_matches(item.name, sorted(offered), n=3)
    hint = (
        f"did you mean {' or '.join(close)}?" if close else "find it with bin/discover-markets --search TEXT"
    )
    key = "discovery.markets" if item.kind in {"market", "condition"} else f"discovery.{_PLURALS[item.kind]}"
    return f"{key}: the exchange knows no {item.kind} {item.name!r}: {hint}"


_PLURALS = {"series": "series", "tag": "tags", "event": "events"}


def spans_of(markets: Iterable[Market], series: str) -> list[Span]:
    """The windows of the markets of a series."""
    return [
        Span(
            parse_utc_ns(market.start_time_utc) // NS_PER_SECOND,
            parse_utc_ns(market.end_time_utc) // NS_PER_SECOND,
        )
        for market in markets
        if market.series == series and market.start_time_utc and market.end_time_utc
    ]


def windows_not_recorded(
    series: Iterable[str], markets: Sequence[Market], said: Mapping[str, str], *, now_ns: int
) -> list[Finding]:
    """The windows that must be open now and are not among the markets, of those series whose windows are sure.

    `said` is what is known of a slug, as a message.
    """
    now_s = now_ns // NS_PER_SECOND
    findings = []
    for name in series:
        spans = spans_of(markets, name)
        if not has_computable_slugs(name) or any(span.start <= now_s < span.end for span in spans):
            continue
        [due] = expected_spans(name, spans, now_s=now_s, until_s=now_s)
        slug = slug_at(name, due.start)
        reason = said.get(slug, "Gamma does not list it")
        until = utc_text(due.end * NS_PER_SECOND)[:19]
        words = f"no open window of {name} is recorded; it must be {slug}, which ends at {until}Z: {reason}"
        findings.append(Finding("window_not_recorded", slug, words))
    return findings


def is_limited(markets: Sequence[Market], market_limit: int) -> bool:
    """Whether `discovery.market_limit` is what keeps other windows from being recorded."""
    return 0 < market_limit <= len(markets)


def incomplete_answers(cut_short: Mapping[str, str], answered: Iterable[Answered]) -> list[Finding]:
    """Listings that were cut short, by path, and items that could not be asked for."""
    listings = [Finding("discovery_incomplete", path, reason) for path, reason in cut_short.items()]
    return listings + [
        Finding(
            "discovery_incomplete",
            each.item.label,
            f"{each.item.label} could not be asked for: {each.failure}",
        )
        for each in answered
        if each.failure
    ]


def wrong_clock(clock: Judgement) -> list[Finding]:
    """The finding that this machine's clock is wrong, where that is certain."""
    if not clock.is_certain or clock.offset_ns is None:
        return []
    ahead = "ahead of" if clock.offset_ns > 0 else "behind"
    seconds = abs(clock.offset_ns) // 10**9
    reason = (
        f"this machine's clock is {seconds} s {ahead} the exchange's, and so is every time that is recorded:"
        " set it, for example with NTP"
    )
    return [Finding("clock_off", "", reason)]


def series_never_seen(
    answered: Iterable[Answered], known_series: Iterable[str], findings: Iterable[Finding]
) -> list[str]:
    """Default series that this exchange does not have; those that somebody named are problems."""
    told = {finding.subject for finding in findings} | set(known_series)
    return [
        f"the exchange knows no {each.item.label}: nothing of it is recorded"
        for each in answered
        if each.exists is False and each.item.name not in told
    ]
