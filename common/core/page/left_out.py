"""What discovery left out, and why: searched, and one page of it at a time."""

from collections import Counter
from typing import Any

from common.core.market import DiscoveryFile
from common.core.page.paging import paged

PAGE_SIZE = 50
MOST_REASONS = 12


def left_out_view(found: DiscoveryFile | None, *, search: str, page: int) -> dict[str, Any]:
    """One page of the markets that were offered and not taken, with how often each reason came."""
    left = [each for each in found.candidates if not each.taken] if found is not None else []
    search = search.strip().lower()
    wanted = [each for each in left if search in f"{each.slug} {each.reason} {each.condition_id}".lower()]
    page, pages, place = paged(wanted, page, size=PAGE_SIZE)
    return {
        "discovered_at_utc": None if found is None else found.discovered_at_utc,
        "left_out": len(left),
        "found": len(wanted),
        "page": page,
        "pages": pages,
        "reasons": [
            {"reason": reason, "markets": count}
            for reason, count in Counter(each.reason for each in left).most_common(MOST_REASONS)
        ],
        "warnings": [] if found is None else list(found.warnings),
        "markets": [{"slug": each.slug, "reason": each.reason} for each in wanted[place]],
    }
