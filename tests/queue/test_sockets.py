"""The queue table is what sockets are made from."""

import re
import shutil
from pathlib import Path

import pytest
import zmq

from common.queue.lane_client import LaneClient
from common.queue.lane_server import LaneServer
from common.queue.outbox import Outbox
from common.queue.outbox_files import Identity
from common.queue.sockets import bind_again, open_socket, options_of
from common.socket_ends import LANE_CLIENT, LANE_SERVER, SocketEnd
from common.topology import QUEUES
from tests.end_to_end.running import ROOT

ENDS = [end for queue in QUEUES for end in queue.ends]
OF_THE_PROTOCOL = {"ROUTER_MANDATORY", "ROUTER_HANDOVER", "ROUTING_ID", "SUBSCRIBE", "UNSUBSCRIBE"}


def has_options(socket: zmq.Socket[bytes], end: SocketEnd) -> bool:
    options = options_of(end)
    assert len(options) >= 2
    return {option: socket.getsockopt(option) for option in options} == options


@pytest.mark.parametrize("end", ENDS, ids=str)
def test_a_socket_has_every_number_of_the_table(end: SocketEnd) -> None:
    with zmq.Context() as context, open_socket(context, end) as socket:
        assert socket.getsockopt(zmq.TYPE) == getattr(zmq, end.kind)
        assert {option: socket.getsockopt(option) for option in options_of(end)} == options_of(end)
        assert socket.getsockopt(zmq.LINGER) == end.linger, "none waits for ever for a peer that is gone"


def test_the_lanes_of_a_producer_are_served_and_claimed_by_such_sockets(short_folder: Path) -> None:
    outbox = Outbox(short_folder / "o", Identity("p", "ws_raw"), lanes=1, limit_bytes=2**30)
    with zmq.Context() as context:
        server = LaneServer(context, outbox)
        client = LaneClient(
            context,
            endpoint=f"ipc://{short_folder / 'o' / 'queue.sock'}",
            producer="p",
            lane=0,
            durable=0,
            now_monotonic_ns=0,
        )
        assert has_options(server.socket, LANE_SERVER)
        assert has_options(client.socket, LANE_CLIENT)
        client.close()
        server.close()
    outbox.close(finished=True)


def test_no_socket_is_made_and_no_number_is_set_beside_the_table() -> None:
    for folder in ("common", "procs"):
        for path in (ROOT / folder).rglob("*.py"):
            code = path.read_text()
            if path.name != "sockets.py":
                assert not re.search(r"\.socket\(zmq\.", code), path
            assert {*re.findall(r"setsockopt\(zmq\.(\w+)", code)} <= OF_THE_PROTOCOL, path


def test_a_socket_whose_folder_was_removed_is_bound_again_once_the_folder_is_there(
    short_folder: Path,
) -> None:
    path = short_folder / "run/a.sock"
    path.parent.mkdir()
    with zmq.Context() as context, open_socket(context, LANE_SERVER) as socket:
        socket.bind(f"ipc://{path}")
        shutil.rmtree(path.parent)
        bind_again(socket, path)
        assert not path.parent.exists()
        path.parent.mkdir()
        bind_again(socket, path)
        assert path.is_socket()
        bind_again(socket, path)
