import fcntl
import socket
from pathlib import Path

from msgspec.structs import replace

from common.core.feed.dial_pace import NS
from common.core.run_state import ReaderState
from common.feed.dial_pacing import DialPacing
from common.feed.other_leg import LONGEST_WAIT_NS, LOOK_NS, OtherLeg
from common.network.resolver import Address, in_turn
from common.runtime.run.facts import write_facts
from tests.stated import READER, facts

NOW = 1000 * NS


def test_readers_of_a_leg_share_a_pace_and_those_of_the_other_have_their_own(tmp_path: Path) -> None:
    one, two, other = (DialPacing(tmp_path, leg, legs=2) for leg in ("a", "a", "b"))
    assert [one.reserve(NOW), two.reserve(NOW)] == [NOW, NOW]
    assert one.reserve(NOW) > NOW
    assert two.reserve(NOW) > one.reserve(NOW) - NS
    other.refused(NOW)
    assert one.reserve(NOW) < NOW + 3 * NS, "what the exchange refuses one leg slows that one"


def test_no_dial_waits_for_a_file_that_is_damaged_locked_or_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "dials-a.json").write_bytes(b"\0" * 20)
    assert DialPacing(tmp_path, "a", legs=1).reserve(NOW) == NOW
    with (tmp_path / "dials-b.json").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [DialPacing(tmp_path, "b", legs=1).reserve(NOW) for _ in range(7)] == [NOW] * 7
    assert DialPacing(tmp_path / "gone", "a", legs=1).reserve(NOW) == NOW


def test_legs_take_the_addresses_of_a_name_in_opposite_orders_and_keep_the_preferred_family_first() -> None:
    six = [Address(socket.AF_INET6, (f"2001:db8::{n}", 443, 0, 0)) for n in (2, 1)]
    four = [Address(socket.AF_INET, (f"192.0.2.{n}", 443)) for n in (1, 2)]
    forwards = in_turn([six[0], four[0], six[1], four[1]], backwards=False)
    assert forwards == [six[1], six[0], four[0], four[1]]
    assert in_turn([*four, *six], backwards=True) == [four[1], four[0], six[0], six[1]]


def state(folder: Path, name: str, word: ReaderState, at_ns: int) -> None:
    write_facts(folder, facts(name, replace(READER, state=word), updated_monotonic_ns=at_ns))


def test_a_connection_that_is_to_be_replaced_stays_until_the_other_leg_records(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    other = OtherLeg(tmp_path, "a")
    assert not other.allows_replacement(NOW), "nothing is known of it"
    state(tmp_path, "ws_reader-0b", "receiving", NOW + LOOK_NS)
    state(tmp_path, "ws_reader-1b", "reconnecting", NOW + LOOK_NS)
    state(tmp_path, "ws_reader-1a", "receiving", NOW + LOOK_NS)
    assert not other.allows_replacement(NOW + LOOK_NS)
    state(tmp_path, "ws_reader-1b", "receiving", NOW + 2 * LOOK_NS)
    assert other.allows_replacement(NOW + 2 * LOOK_NS)


def test_it_waits_for_a_leg_that_does_not_come_back_for_a_minute_and_with_one_leg_not_at_all(
    tmp_path: Path,
) -> None:
    assert OtherLeg(tmp_path, None).allows_replacement(NOW)
    other = OtherLeg(tmp_path, "b")
    assert not other.allows_replacement(NOW)
    assert other.allows_replacement(NOW + LONGEST_WAIT_NS)
