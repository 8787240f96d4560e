from common.core.market import DISCOVERY_SCHEMA_VERSION, Candidate, DiscoveryFile
from common.core.page.left_out import PAGE_SIZE, left_out_view

FOUND = DiscoveryFile(
    DISCOVERY_SCHEMA_VERSION,
    "2026-11-23T12:00:00Z",
    "test",
    (),
    (),
    (
        Candidate("taken", "0x1", taken=True, reason="live"),
        *(Candidate(f"old-{number:03}", "0x2", taken=False, reason="closed") for number in range(PAGE_SIZE)),
        Candidate("strange", "0x3", taken=False, reason="no tokens"),
    ),
)


def test_what_was_left_out_is_listed_with_its_reason_and_counted_by_reason() -> None:
    view = left_out_view(FOUND, search="", page=2)
    assert (view["left_out"], view["pages"], view["markets"]) == (
        PAGE_SIZE + 1,
        2,
        [{"slug": "strange", "reason": "no tokens"}],
    )
    assert view["reasons"][0] == {"reason": "closed", "markets": PAGE_SIZE}


def test_it_is_searched_by_slug_and_by_reason() -> None:
    assert left_out_view(FOUND, search=" NO TOK", page=9)["found"] == 1
    assert left_out_view(FOUND, search="old-01", page=1)["found"] == 10


def test_before_the_first_discovery_nothing_is_known() -> None:
    view = left_out_view(None, search="", page=1)
    assert (view["discovered_at_utc"], view["left_out"], view["markets"]) == (None, 0, [])
