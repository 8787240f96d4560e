import socket
import threading
import time

import pytest

from common.network.deadline import Deadline
from common.network.errors import DialError
from common.network.resolver import RESOLVER, THREAD_NAME, Address, Resolver

HERE = [Address(socket.AF_INET, ("127.0.0.1", 80))]


def running() -> int:
    return sum(thread.name == THREAD_NAME for thread in threading.enumerate())


def test_a_name_server_that_never_answers_costs_one_thread_however_often_it_is_asked() -> None:
    answered = threading.Event()
    asked: list[str] = []

    def look_up(host: str, _port: int) -> list[Address]:
        asked.append(host)
        answered.wait(20)
        return HERE

    resolver = Resolver(look_up)
    for _ in range(50):
        with pytest.raises(
            DialError, match=r"^a\.example could not be resolved .* in 0\.01 s: the name server"
        ):
            resolver.addresses("a.example", 80, Deadline(0.01))
    with pytest.raises(DialError, match=r"^a\.example, which is looked up before b\.example, could not"):
        resolver.addresses("b.example", 80, Deadline(0.01))
    assert (running(), asked) == (1, ["a.example"])
    answered.set()
    assert resolver.addresses("b.example", 80, Deadline(20)) == HERE
    assert asked == ["a.example", "b.example"]


def test_whoever_asks_for_the_name_that_is_being_looked_up_gets_its_answer() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def look_up(_host: str, _port: int) -> list[Address]:
        begun.set()
        go_on.wait(20)
        return HERE

    resolver = Resolver(look_up)
    found: list[list[Address]] = []
    others = [
        threading.Thread(target=lambda: found.append(resolver.addresses("a.example", 80, Deadline(20))))
        for _ in range(5)
    ]
    for other in others:
        other.start()
    assert begun.wait(20)
    go_on.set()
    for other in others:
        other.join(20)
    assert found == [HERE] * 5


def test_a_lookup_that_fails_is_told_to_its_own_asker_alone() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def look_up(host: str, _port: int) -> list[Address]:
        if host == "b.example":
            return HERE
        begun.set()
        go_on.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    resolver = Resolver(look_up)
    found: list[list[Address]] = []

    def fail() -> None:
        with pytest.raises(DialError, match="Temporary failure"):
            resolver.addresses("a.example", 80, Deadline(20))

    threading.Thread(target=fail).start()
    assert begun.wait(20)
    other = threading.Thread(target=lambda: found.append(resolver.addresses("b.example", 80, Deadline(20))))
    other.start()
    time.sleep(0.05)
    go_on.set()
    other.join(20)
    assert found == [HERE]


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".example", "a..b", ""])
def test_a_name_that_does_not_exist_is_named(host: str) -> None:
    resolver = Resolver() if host else Resolver(lambda _host, _port: [])
    with pytest.raises(DialError, match=rf"^{host}.* could not be resolved to an address"):
        resolver.addresses(host, 80, Deadline(20))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1"])
def test_an_address_is_its_own_answer_whatever_the_name_server_does(host: str) -> None:
    resolver = Resolver(lambda _host, _port: [])
    [found] = resolver.addresses(host, 80, Deadline(20))
    assert found.sockaddr[:2] == (host, 80)


def test_loopback_is_found() -> None:
    assert ("127.0.0.1", 80) in {
        address.sockaddr for address in RESOLVER.addresses("localhost", 80, Deadline(20))
    }
