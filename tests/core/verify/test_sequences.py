"""Lane sequences from archive to archive, as parts tell them."""

from common.core.number_runs import Run
from common.core.verify.accounts import Accounts
from common.core.verify.sequences import Known, LanePart, lane_findings
from common.core.verify.session import DeclaredGap


def told(
    *parts: LanePart, durable: int = 0, partial: bool = False, declared: tuple[int, Run] | None = None
) -> list[str]:
    accounts = Accounts()
    if declared is not None:
        lane, numbers = declared
        accounts.gaps.append(
            DeclaredGap("p", "archives_missing", 0, 0, None, lane=lane, lane_numbers=numbers)
        )
    known = Known(parts, {}, {("p", 0): durable} if durable else {}, live=False, partial=partial)
    return [finding.words for finding in lane_findings(accounts, known)]


def part(first: int, last: int, rows: int | None = None) -> LanePart:
    return LanePart("p", 0, first, last, last - first + 1 if rows is None else rows, f"a{first}")


def test_parts_that_follow_each_other_are_complete() -> None:
    assert told(part(1, 4), part(5, 9), durable=9) == []


def test_holes_are_told_with_the_archive_before_them() -> None:
    assert told(part(1, 4), part(7, 9)) == [
        "lane 0: lane sequences 5 to 6 are in no archive; the last one before it is a1"
    ]
    assert told(part(3, 4)) == ["lane 0: lane sequences 1 to 2 are in no archive"]
    assert told(part(3, 4), partial=True) == []


def test_what_the_journal_counts_beyond_the_last_archive_is_missing() -> None:
    assert told(part(1, 4), durable=6) == [
        "lane 0: lane sequences 5 to 6 are in no archive; the last one before it is a1"
    ]
    assert told(durable=2) == ["lane 0: lane sequences 1 to 2 are in no archive"]
    assert told(part(1, 4), durable=6, partial=True) == []


def test_rows_in_two_archives_are_told() -> None:
    assert told(part(1, 6), part(5, 9)) == ["lane 0: lane sequences 5 to 6 are in two archives"]


def test_windows_between_which_a_clock_stepped_share_their_sequences() -> None:
    assert told(part(1, 9, rows=6), part(4, 6)) == []
    assert told(part(1, 9, rows=5), part(4, 6)) == ["lane 0: 1 rows missing between lane sequences 1 and 9"]
    assert told(part(1, 9, rows=8), part(4, 6)) == ["lane 0: 2 rows too many between lane sequences 1 and 9"]


def test_a_hole_that_a_gap_row_declares_for_its_lane_is_no_finding() -> None:
    assert told(part(1, 4), part(7, 9), declared=(0, (5, 6))) == []
    assert told(part(1, 4), part(7, 9), declared=(1, (5, 6))) != []
    assert told(part(1, 4), part(8, 9), declared=(0, (5, 6))) == [
        "lane 0: lane sequences 7 are in no archive; the last one before it is a1"
    ]
