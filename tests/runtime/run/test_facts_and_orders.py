from pathlib import Path

import pytest

from common.errors import RecorderError
from common.runtime.background import BackgroundCall
from common.runtime.run.details import NOTHING
from common.runtime.run.facts import Facts, Tally, last_facts, read_facts, write_facts
from common.runtime.run.orders import LOOK_NS, Orders, OrdersFollower, write_orders
from tests.waiting import wait_for


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "facts").mkdir()
    return tmp_path


def facts(name: str, **counters: int) -> Facts:
    return Facts(name, 1, 2, 3, counters, {"book": 4}, NOTHING)


def test_the_newest_facts_of_each_process_are_read_back(run_dir: Path) -> None:
    write_facts(run_dir, facts("one", a=1))
    write_facts(run_dir, facts("one", a=2))
    write_facts(run_dir, facts("two"))
    assert read_facts(run_dir) == {"one": facts("one", a=2), "two": facts("two")}
    assert last_facts(run_dir, "one") == facts("one", a=2)
    assert last_facts(run_dir, "three") is None


def test_a_half_written_file_is_nobodys_facts(run_dir: Path) -> None:
    write_facts(run_dir, facts("one"))
    (run_dir / "facts" / "one.json.partial").write_bytes(b'{"name":')
    assert read_facts(run_dir) == {"one": facts("one")}


def test_facts_that_cannot_be_written_leave_the_older_ones_and_stop_nobody(run_dir: Path) -> None:
    write_facts(run_dir, facts("one", a=1))
    (run_dir / "facts" / "one.json.partial").mkdir()
    write_facts(run_dir, facts("one", a=2))
    assert last_facts(run_dir, "one") == facts("one", a=1)
    write_facts(run_dir / "gone", facts("one"))


def test_counters_go_on_from_those_of_the_process_before() -> None:
    tally = Tally(facts("one", ws_messages_total=5))
    tally.add("ws_messages_total")
    tally.add("ws_bytes_total", 7)
    assert dict(tally.counters) == {"ws_messages_total": 6, "ws_bytes_total": 7}
    assert tally.event_types["book"] == 4
    assert not Tally(None).counters


def test_orders_are_followed_as_they_are_replaced_looking_now_and_then(tmp_path: Path) -> None:
    write_orders(tmp_path, Orders(writers=1, readers=1))
    follower = OrdersFollower(tmp_path)
    assert follower.current(0) == Orders(writers=1, readers=1)
    wanted = Orders(writers=2, readers=3, rotations=1)
    write_orders(tmp_path, wanted)
    assert follower.current(LOOK_NS - 1).writers == 1
    assert follower.current(LOOK_NS) == wanted
    assert OrdersFollower(tmp_path).current(0) == wanted, "who comes later finds them as well"


def test_a_call_in_the_background_gives_its_result_or_its_error() -> None:
    good: BackgroundCall[int] = BackgroundCall(lambda: 42)
    wait_for(lambda: good.done, what="the result")
    assert good.result() == 42
    bad: BackgroundCall[float] = BackgroundCall(lambda: 1 / 0)
    wait_for(lambda: bad.done, what="the error")
    with pytest.raises(ZeroDivisionError):
        bad.result()


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, b'{"name":'])
def test_damaged_facts_are_nobodys_and_the_next_ones_replace_them(run_dir: Path, damage: bytes) -> None:
    (run_dir / "facts" / "one.json").write_bytes(damage)
    assert (read_facts(run_dir), last_facts(run_dir, "one")) == ({}, None)
    assert write_facts(run_dir, facts("one")) == ""
    assert read_facts(run_dir) == {"one": facts("one")}


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, None])
def test_damaged_orders_leave_those_that_stood_and_are_followed_again_when_they_are_whole(
    tmp_path: Path, damage: bytes | None
) -> None:
    write_orders(tmp_path, Orders(writers=2, readers=1))
    follower = OrdersFollower(tmp_path)
    (tmp_path / "orders.json").unlink()
    if damage is not None:
        (tmp_path / "orders.json").write_bytes(damage)
    with pytest.raises(RecorderError, match="is missing or damaged"):
        OrdersFollower(tmp_path)
    assert follower.current(0).writers == 2
    write_orders(tmp_path, Orders(writers=3, readers=1))
    assert follower.current(LOOK_NS).writers == 3
