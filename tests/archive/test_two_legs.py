import json
from collections.abc import Collection
from pathlib import Path
from shutil import copytree

import pytest
from msgspec.structs import replace

from common.archive.legs import MergedRows
from common.archive.read import closed_archives
from common.archive.replay import read_archive, replay
from common.core.events.market_events import Unusable
from common.core.rows.origin import LegChoice
from common.core.rows.reading import Row
from common.core.rows.websocket import MESSAGE_RECORD
from common.errors import ArchiveError
from tests.archive.legs import Hearing, a_world, record
from tests.archive.markets import World, levels_of
from tests.archive.recordings import change_sidecar

WORLD = a_world()
MIDDLE, END = len(WORLD.messages) // 2, len(WORLD.messages)


def two_legs(root: Path, a: Hearing, b: Hearing) -> None:
    record(root, WORLD, a)
    record(root, WORLD, b)


def heard(
    root: Path | list[Path], leg: LegChoice = "merged", clock_error_ms: float | None = None
) -> list[Row]:
    return list(read_archive(root, leg=leg, clock_error_ms=clock_error_ms))


def market_messages(rows: list[Row]) -> dict[str, list[bytes]]:
    """By market what was received but the arrays that open a connection."""
    found: dict[str, list[bytes]] = {}
    for row in rows:
        if row.record_type == MESSAGE_RECORD and row.payload_json[:1] == b"{":
            text = json.dumps(json.loads(row.payload_json), sort_keys=True).encode()
            found.setdefault(json.loads(text).get("market", ""), []).append(text)
    return found


def sent(world: World, without: Collection[int] = ()) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for number, (_, payload) in enumerate(world.messages):
        if payload[:1] == b"{" and number not in without:
            text = json.dumps(json.loads(payload), sort_keys=True).encode()
            found.setdefault(json.loads(text)["market"], []).append(text)
    return found


def assert_books_are_true(root: Path | list[Path]) -> int:
    """After every message of the merged stream its books are those of the exchange; how many were compared."""
    numbers = {json.dumps(json.loads(text), sort_keys=True): n for n, (_, text) in enumerate(WORLD.messages)}
    compared = 0
    for step in replay(read_archive(root)):
        number = numbers.get(json.dumps(json.loads(step.row.payload_json or b"null"), sort_keys=True))
        for token_id in step.token_ids if number is not None else ():
            book = step.books.get(token_id)
            assert book is not None
            assert number is not None
            assert levels_of(book) == WORLD.truths[number][token_id], number
            compared += 1
    return compared


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Hearing(outages=[(90, 140)]), Hearing("b", outages=[(200, 260)])),
        (Hearing(late_ms=3000), Hearing("b", outages=[(90, 140), (MIDDLE, END)])),
        (Hearing(outages=[(90, 140)]), Hearing("b", late_ms=200_000)),
        (Hearing(outages=[(90, 140)]), Hearing("b", others_order=True)),
        (Hearing(deaf_to="price_change"), Hearing("b", deaf_to="best_bid_ask")),
        (Hearing(step_at=100, step_ms=-40_000), Hearing("b", step_at=100, step_ms=-40_000)),
        (
            Hearing(step_at=100, step_ms=900_000),
            Hearing("b", step_at=100, step_ms=900_000, outages=[(90, 140)]),
        ),
    ],
    ids=["cuts", "lag-and-death", "minutes-behind", "other-keys", "deaf", "clock-back", "clock-ahead"],
)
def test_what_one_leg_missed_comes_from_the_other_once_and_in_order(
    tmp_path: Path, a: Hearing, b: Hearing
) -> None:
    two_legs(tmp_path, a, b)
    rows = heard(tmp_path)
    assert market_messages(rows) == sent(WORLD)
    assert len({id(row) for row in rows}) == len(rows)
    assert assert_books_are_true(tmp_path) > 500


def test_one_connection_of_a_leg_may_be_minutes_behind_the_others(tmp_path: Path) -> None:
    record(tmp_path, WORLD, Hearing(outages=[(90, 140)]))
    record(tmp_path, WORLD, Hearing("b", market=0))
    record(tmp_path, WORLD, Hearing("b", market=1, reader=1, late_ms=200_000))
    assert market_messages(heard(tmp_path)) == sent(WORLD)


def test_what_one_leg_gave_damaged_does_not_void_the_book_that_the_other_one_gave_whole(
    tmp_path: Path,
) -> None:
    changes = [n for n, (_, text) in enumerate(WORLD.messages) if b'"price_change"' in text]
    two_legs(tmp_path, Hearing(damaged=changes[20:60:4]), Hearing("b"))
    steps = list(replay(read_archive(tmp_path)))
    assert sum(isinstance(step.event, Unusable) for step in steps) >= 10
    assert [step.row.record_type for step in steps if step.broken is not None] == ["session_closed"]
    assert assert_books_are_true(tmp_path) > 500


def test_announcements_that_flood_one_leg_do_not_touch_the_markets(tmp_path: Path) -> None:
    two_legs(tmp_path, Hearing(outages=[(90, 140)], announcements=300), Hearing("b", announcements=80))
    found = market_messages(heard(tmp_path))
    assert len(found.pop("0xnew")) == 300 - 50
    assert found == sent(WORLD)


def test_one_leg_can_be_asked_for_and_a_root_with_one_leg_is_read_as_ever(tmp_path: Path) -> None:
    two_legs(tmp_path / "two", Hearing(outages=[(90, 140)]), Hearing("b"))
    record(tmp_path / "one", WORLD, Hearing(outages=[(90, 140)]))
    for leg in ("a", "b"):
        assert {row.leg for row in heard(tmp_path / "two", leg)} == {leg}
    of_one = [row.payload for row in heard(tmp_path / "one")]
    assert [row.payload for row in heard(tmp_path / "two", "a")] == of_one
    assert not isinstance(read_archive(tmp_path / "one"), MergedRows)
    assert not isinstance(read_archive(tmp_path / "two", leg="b"), MergedRows)
    assert isinstance(read_archive(tmp_path / "two"), MergedRows)


def test_it_is_the_same_for_any_order_of_files_and_in_pieces_as_at_once(tmp_path: Path) -> None:
    two_legs(tmp_path, Hearing(outages=[(90, 140)], late_ms=900), Hearing("b", outages=[(200, 260)]))
    rows = heard(tmp_path)
    archives = closed_archives(tmp_path)
    assert len(archives) > 2
    assert heard(archives) == rows
    assert heard(archives[::-1]) == rows
    middle = rows[len(rows) // 2].received_at_ns
    pieces = [*read_archive(tmp_path, until=middle), *read_archive(tmp_path, since=middle)]
    assert sorted(map(id_of, pieces)) == sorted(map(id_of, rows))


def id_of(row: Row) -> tuple[str, str | None, int, str]:
    return row.producer, row.session_id, row.message_sequence, row.record_type


def test_what_neither_leg_received_is_missing_and_the_books_are_void_meanwhile(tmp_path: Path) -> None:
    two_legs(tmp_path, Hearing(outages=[(90, 140)]), Hearing("b", outages=[(100, 160)]))
    assert market_messages(heard(tmp_path)) == sent(WORLD, without=range(100, 140))
    breaks = [step.broken for step in replay(read_archive(tmp_path)) if step.broken is not None]
    assert [(each.reason, len(each.token_ids or ())) for each in breaks] == [
        ("the session ended", len(WORLD.tokens))  # at the outage of both, and at the end of all
    ] * 2
    assert assert_books_are_true(tmp_path) > 400


@pytest.mark.parametrize("alone", [False, True], ids=["two-legs-again", "one-leg-after"])
def test_connections_of_a_run_that_was_killed_vouch_for_no_book_of_the_next_one(
    tmp_path: Path, *, alone: bool
) -> None:
    two_legs(tmp_path, Hearing(dies_at=90), Hearing("b", dies_at=92))
    next_run = Hearing(run="20261123T130000Z", begins_at=140, outages=[(200, 260)], alone=alone)
    record(tmp_path, WORLD, next_run)
    if not alone:
        record(tmp_path, WORLD, replace(next_run, leg="b", outages=[(205, 265)]))
    unheard = {*range(92, 140), *range(200 if alone else 205, 260)}
    assert market_messages(heard(tmp_path)) == sent(WORLD, without=unheard)
    breaks = [step.broken for step in replay(read_archive(tmp_path)) if step.broken is not None]
    assert [(each.reason, len(each.token_ids or ())) for each in breaks] == [
        ("the recorder was started again", len(WORLD.tokens)),
        ("the session ended", len(WORLD.tokens)),  # at the outage of both, and at the end of all
        ("the session ended", len(WORLD.tokens)),
    ]
    assert assert_books_are_true(tmp_path) > 300


def test_a_frozen_leg_does_not_hold_up_the_other_one(tmp_path: Path) -> None:
    two_legs(tmp_path, Hearing(outages=[(90, END)]), Hearing("b", deaf_to="{"))
    assert market_messages(heard(tmp_path)) == sent(WORLD, without=range(90, END))


SECOND_HOST = Hearing(host="two", outages=[(200, 260)], clock_error_ms=300)


class TestHosts:
    def two(self, tmp_path: Path, second: Hearing = SECOND_HOST) -> list[Path]:
        roots = [tmp_path / "one", tmp_path / "two"]
        record(roots[0], WORLD, Hearing(outages=[(90, 140)], clock_error_ms=40))
        record(roots[1], WORLD, second)
        return roots

    @pytest.mark.parametrize("ahead_ms", [-300, 300])
    def test_recordings_of_two_hosts_are_one(self, tmp_path: Path, ahead_ms: int) -> None:
        roots = self.two(tmp_path, replace(SECOND_HOST, wall_ahead_ms=ahead_ms))
        rows = heard(roots)
        assert market_messages(rows) == sent(WORLD)
        assert {row.host for row in rows} == {"one", "two"}
        assert assert_books_are_true(roots) > 500
        assert heard(roots[::-1]) == rows

    def test_legs_and_hosts_are_merged_together(self, tmp_path: Path) -> None:
        roots = self.two(tmp_path, replace(SECOND_HOST, outages=[(85, 200)]))
        record(roots[0], WORLD, Hearing("b", outages=[(80, 100), (150, 260)], clock_error_ms=40))
        assert market_messages(heard(roots)) == sent(WORLD, without=range(90, 100))

    @pytest.mark.parametrize("step_ms", [-60_000, 60_000])
    def test_a_host_whose_wall_clock_steps_stays_on_its_scale(self, tmp_path: Path, step_ms: int) -> None:
        roots = self.two(tmp_path, replace(SECOND_HOST, outages=[(20, 60)], step_at=100, step_ms=step_ms))
        assert market_messages(heard(roots)) == sent(WORLD)

    def test_a_clock_that_is_not_sure_enough_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveError, match=r"off by 501 ms .* within 500 ms"):
            heard(self.two(tmp_path / "unsure", replace(SECOND_HOST, clock_error_ms=501)), clock_error_ms=10)
        roots = self.two(tmp_path / "unknown", replace(SECOND_HOST, clock_error_ms=None))
        with pytest.raises(ArchiveError, match=r"unknown since .*--clock-error-ms"):
            heard(roots)
        assert market_messages(heard(roots, clock_error_ms=100)) == sent(WORLD)

    def test_the_same_recording_given_twice_is_refused(self, tmp_path: Path) -> None:
        roots = self.two(tmp_path)
        copytree(roots[0], tmp_path / "copy")
        with pytest.raises(ArchiveError, match="the same recording is given twice"):
            heard([roots[0], tmp_path / "copy"])

    def test_recordings_of_different_exchanges_are_refused(self, tmp_path: Path) -> None:
        roots = self.two(tmp_path)
        for path in closed_archives(roots[1]):
            change_sidecar(path, exchange="simulated")
        with pytest.raises(ArchiveError, match="they are not merged"):
            heard(roots)
