"""What the discovery file holds beside the markets, from a selection and from the file before."""

from collections.abc import Iterable

from common.core.discovery.findings import Answered
from common.core.discovery.selection import Selection
from common.core.discovery.wanted_markets import Wanted
from common.core.market import Candidate, DiscoveryFile

MOST_CANDIDATES_LEFT = 2000  # the file is for reading
MOST_CLOSED_KEPT = 200  # readers look at the file more often than so many markets close


def series_known(
    answered: Iterable[Answered], known: DiscoveryFile | None, wanted: Wanted
) -> tuple[str, ...]:
    """The wanted series that Gamma has shown to exist, now or before."""
    exist = {each.item.name for each in answered if each.item.kind == "series" and each.exists}
    exist |= set(known.series_known) if known is not None else set()
    return tuple(name for name in wanted.series if name in exist)


def closed_slugs(slugs: frozenset[str], known: DiscoveryFile | None) -> tuple[str, ...]:
    """Slugs of markets that are over before their time, the newest first."""
    before = known.closed if known is not None else ()
    return tuple(dict.fromkeys([*sorted(slugs), *before]))[:MOST_CLOSED_KEPT]


def reasons_left_out(selection: Selection) -> dict[str, str]:
    """Why each market that came is not recorded, by slug."""
    return {each.slug: each.reason for each in selection.candidates if not each.taken}


def candidates_told(selection: Selection) -> tuple[Candidate, ...]:
    """All that are recorded, and the first of those that are not."""
    taken = [each for each in selection.candidates if each.taken]
    left = [each for each in selection.candidates if not each.taken]
    return (*taken, *left[:MOST_CANDIDATES_LEFT])
