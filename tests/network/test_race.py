import socket
import time

import pytest

from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.race import STAGGER_S, interleaved, open_socket, shown
from common.network.resolver import Address
from tests.network.places import address_of, black_hole, live, open_descriptors, refusing, resolving

NO_ROUTE = Address(socket.AF_INET6, ("2001:db8::1", 9, 0, 0))  # a network for documentation, nowhere routed


def v4(last: int) -> Address:
    return Address(socket.AF_INET, (f"192.0.2.{last}", 9))


def v6(last: int) -> Address:
    return Address(socket.AF_INET6, (f"2001:db8::{last}", 9, 0, 0))


def test_the_families_take_turns_beginning_with_the_one_that_the_system_prefers() -> None:
    assert interleaved([v6(1), v6(2), v6(3), v4(1)]) == [v6(1), v4(1), v6(2), v6(3)]
    assert interleaved([v4(1), v6(1), v4(2)]) == [v4(1), v6(1), v4(2)]
    assert interleaved([]) == []


def test_a_host_of_one_address_is_connected_to_without_waiting() -> None:
    with live() as listener:
        begun = time.monotonic()
        with open_socket("name", 1, Deadline(10), resolve=resolving(address_of(listener))) as sock:
            assert sock.getpeername() == listener.getsockname()
            assert sock.gettimeout() is None
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert time.monotonic() - begun < STAGGER_S


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_dead_address_of_three_costs_a_fraction_of_a_second(place: int) -> None:
    with live("127.0.0.2") as first, live("127.0.0.3") as second, black_hole() as dead:
        addresses = [address_of(first), address_of(second)]
        addresses.insert(place, dead)
        begun = time.monotonic()
        with open_socket("name", 1, Deadline(10), resolve=resolving(*addresses)) as sock:
            assert sock.getpeername() in {first.getsockname(), second.getsockname()}
        assert time.monotonic() - begun < 4 * STAGGER_S


def test_a_family_that_does_not_work_and_addresses_that_refuse_cost_no_more_than_one_that_is_silent() -> None:
    with live() as listener, refusing() as closed, black_hole() as dead:
        addresses = [NO_ROUTE, closed, dead, closed, address_of(listener)]
        begun = time.monotonic()
        with open_socket("name", 1, Deadline(10), resolve=resolving(*addresses)) as sock:
            assert sock.getpeername() == listener.getsockname()
        assert time.monotonic() - begun < 8 * STAGGER_S


def test_where_all_refuse_the_host_refused_and_where_they_fail_differently_each_is_named() -> None:
    with refusing() as closed, pytest.raises(DialError, match=r"^name:1 refused the connection"):
        open_socket("name", 1, Deadline(10), resolve=resolving(closed, closed))
    nowhere = Address(socket.AF_INET, ("255.255.255.255", 9))
    with (
        refusing() as closed,
        pytest.raises(
            DialError, match=r"name:1 cannot be reached \(127\.0\.0\.1: Connection refused, 255.*: "
        ),
    ):
        open_socket("name", 1, Deadline(10), resolve=resolving(closed, nowhere))


def test_where_none_answers_in_time_the_addresses_that_were_tried_are_named_and_nothing_stays_open() -> None:
    before = open_descriptors()
    with black_hole() as dead, black_hole("127.0.0.2") as other:
        inside = open_descriptors()
        for _ in range(3):
            with pytest.raises(
                DialError, match=r"did not answer within 0\.3 s \(tried 127\.0\.0\.1, 127\.0\.0\.2\)"
            ):
                open_socket("name", 1, Deadline(0.3), resolve=resolving(dead, other))
        assert open_descriptors() == inside
    assert open_descriptors() == before


def test_an_address_of_version_6_is_shown_in_brackets() -> None:
    assert (shown("::1", 80), shown("a.example", 443)) == ("[::1]:80", "a.example:443")
