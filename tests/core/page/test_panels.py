from typing import Any

from common.core.page.markets import PAGE_SIZE, markets_view
from common.core.page.now import MOST_ROWS, now_view
from common.core.page.recent import Recent
from common.core.page.storage import storage_view
from tests.core.page.manifests import NOW, at, manifest, market


def found(document: dict[str, Any], search: str = "", page: int = 1) -> dict[str, Any]:
    return markets_view(document, search=search, page=page, now_ns=NOW)


def test_live_windows_come_first_by_their_end_and_then_those_to_come_and_those_over() -> None:
    windows = {"over": (-600, -300), "soon": (30, 330), "ends-later": (-10, 290), "ends-first": (-290, 10)}
    markets = [market(slug, *window) for slug, window in windows.items()] + [market("always", None, None)]
    view = found(manifest(markets=markets))
    assert [each["slug"] for each in view["markets"]] == [
        "ends-first",
        "ends-later",
        "always",
        "soon",
        "over",
    ]
    assert (view["recorded"], view["live"]) == (5, 3)
    first, _, always, *_ = view["markets"]
    assert (first["left_seconds"], first["passed"]) == (10.0, 0.9667)
    assert (always["left_seconds"], always["passed"]) == (None, None)


def test_two_thousand_markets_are_paged_and_searched() -> None:
    markets = [market(f"m{number:04}", -10, 290, str(9000 + number)) for number in range(2000)]
    document = manifest(markets=markets)
    view = found(document, page=2)
    assert (view["pages"], len(view["markets"]), view["markets"][0]["slug"]) == (40, PAGE_SIZE, "m0050")
    assert found(document, page=99_999)["page"] == 40
    assert [each["slug"] for each in found(document, " M0123 ")["markets"]] == ["m0123"]
    assert [each["slug"] for each in found(document, "10998")["markets"]] == ["m1998"]
    assert (found(document, "nothing")["found"], found(document, "nothing")["pages"]) == (0, 1)


def test_a_market_says_what_is_wrong_with_its_tokens() -> None:
    document = manifest(
        markets=[market("m", -10, 290, "7"), market("n", -10, 290, "8")],
        divergences=[{"token_id": "7", "found_at_utc": at(-60)}],
        problems=[{"kind": "books_unknown", "reason": "no book", "since_utc": at(-9), "subject": "80"}],
    )
    verdicts = {each["slug"]: each["verdict"] for each in found(document)["markets"]}
    assert verdicts == {"m": "Up: diverged at 11:59:00", "n": "Down: no book"}


def test_now_adds_the_queue_up_and_shows_the_newest_first() -> None:
    session = {"session_id": "s", "opened_at_utc": at(-90), "closed_at_utc": None, "messages": 5}
    document = manifest(
        queue={"r": {"spool_bytes": 10, "lanes": {"0": 3, "1": 4}, "oldest_seconds": {"0": 0.5, "1": 12.5}}},
        processes=[{"name": "w", "pid": None, "rss_bytes": None, "restarts": 3, "flapping": True}],
        recent_sessions=[
            {**session, "session_id": str(number), "close_reason": None, "stale": False}
            for number in range(50)
        ],
        gaps=[{"declared_at_utc": at(-9), "from_utc": at(-20), "to_utc": at(-9), "cause": "cut"}],
        counters={"ws_messages_total": 9, "gaps_total": 1},
    )
    view = now_view(document, Recent(), now_ns=NOW, monotonic_ns=0)
    assert (view["waiting_now"], view["oldest_seconds"], view["spool_bytes"]) == (7, 12.5, 10)
    assert (len(view["sessions"]), view["sessions"][0]["session_id"]) == (MOST_ROWS, "49")
    assert view["sessions"][0]["lasted_seconds"] == 90.0
    assert (view["processes"][0]["up"], view["processes"][0]["flapping"]) == (False, True)
    assert view["gaps"][0]["cause"] == "cut"


def test_storage_says_when_the_disk_is_full_and_shows_the_newest_archives() -> None:
    closed = [{"name": str(number), "bytes": 1, "closed_at_utc": at(number)} for number in range(20)]
    view = storage_view(manifest(disk={"full_in_seconds": 7200}, closed_archives=closed))
    assert (view["full_in"], view["closed"][0]["name"], len(view["closed"])) == ("2 h 0 min", "19", 12)
