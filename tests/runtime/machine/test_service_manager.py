import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.runtime.machine.service_manager import ServiceManager

S = 1_000_000_000


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.settimeout(30)
        yield channel


def heard(channel: socket.socket) -> list[str]:
    channel.settimeout(0)
    found = []
    try:
        while True:
            found.append(channel.recv(100).decode())
    except BlockingIOError:
        return found


def test_systemd_hears_of_the_start_of_life_and_of_the_stop(short_folder: Path) -> None:
    with listening(short_folder / "notify") as channel:
        environment = {"NOTIFY_SOCKET": str(short_folder / "notify"), "WATCHDOG_USEC": "60000000", "X": "y"}
        manager = ServiceManager(environment)
        assert environment == {"X": "y"}, "child processes would speak for the supervisor"
        waited = [manager.waits_for_ready]
        manager.ready()
        waited.append(manager.waits_for_ready)
        assert waited == [True, False]
        manager.alive(100 * S)
        manager.alive(129 * S)
        manager.alive(130 * S)
        manager.stopping()
        assert heard(channel) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_is_known_by_its_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"\0orderbooks-test-{id(channel)}")
        ServiceManager({"NOTIFY_SOCKET": f"@orderbooks-test-{id(channel)}"}).ready()
        assert heard(channel) == ["READY=1"]


def test_without_a_service_manager_nothing_is_said_and_one_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    without = ServiceManager({"WATCHDOG_USEC": "junk"})
    assert not without.waits_for_ready
    without.ready()
    without.alive(0)
    gone = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1000"})
    gone.ready()
    gone.alive(0)
    gone.stopping()
