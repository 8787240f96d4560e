import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from common.config import DiscoverySettings, ManifestSettings, Settings
from common.core.counters import COUNTERS
from common.core.instants import utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile
from common.core.resolution.shown import ResolutionShown
from common.core.run_state import ReaderState, SupervisorState
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from common.runtime.clock import Clock
from common.runtime.process import Assignment, Runtime
from common.runtime.run.details import NOTHING, Details, ResolutionDetails
from common.runtime.run.facts import Tally, write_facts
from common.status.answers import Page, json_page
from common.status.board import StatusBoard
from common.status.connections import MAX_CONNECTIONS
from common.status.metrics import BY_LABELS
from common.status.server import StatusServer
from procs.manifest import Manifest
from tests.conf.test_compose import metrics_asked_for
from tests.end_to_end.running import started_command
from tests.stated import OUTBOX, READER, REFERENCE, WRITER, facts, process, supervisor
from tests.waiting import wait_for

S = 1_000_000_000
NOT_KNOWN_YET = (
    "orderbooks_upload_",
    "orderbooks_disk_full_in_",
    "orderbooks_seconds_since_last_market_message",
)  # without a remote; in the first seconds; before the first message


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Run:
    """A run's folder with what its processes say, and a manifest process in it that tells it over HTTP."""

    manifest: Manifest

    def __init__(self, folder: Path, port: int, host: str = "127.0.0.1", token_file: str = "") -> None:
        self.run_dir = folder / "run"
        (self.run_dir / "facts").mkdir(parents=True)
        self.later_ns = 0
        settings = Settings(
            manifest=ManifestSettings(http_host=host, http_port=port, http_token_file=token_file)
        )
        assignment = Assignment(
            run_id="20261123T000000Z-beef",
            mode="runtime",
            started_at_ns=time.time_ns(),
            data_root=str(folder / "d"),
            run_dir=str(self.run_dir),
            settings=settings,
        )
        clock = Clock(monotonic_ns=lambda: time.monotonic_ns() + self.later_ns)
        self.runtime = Runtime("manifest", 0, assignment, Tally(None), clock)
        self.url = f"http://127.0.0.1:{port}"

    def say(
        self,
        name: str,
        details: Details,
        *,
        counters: dict[str, int] | None = None,
        event_types: dict[str, int] | None = None,
    ) -> None:
        clock = self.runtime.clock
        stated = facts(name, details, counters=counters, event_types=event_types, clock=clock)
        write_facts(self.run_dir, stated)

    def say_supervisor(self, state: SupervisorState = "running") -> None:
        processes = process("ws_reader-0", os.getpid(), restarts=2), process("archive_writer-0", None)
        self.say("supervisor", supervisor(*processes, state=state))

    def say_reader(self, state: ReaderState, **more: int) -> None:
        self.say(
            "ws_reader-0",
            replace(READER, state=state, outbox=replace(OUTBOX, lanes={0: 7}, oldest_seconds={}), **more),
        )

    def discover(self, *, confirmed_empty: bool | None) -> None:
        if confirmed_empty is not None:
            found = DiscoveryFile(
                DISCOVERY_SCHEMA_VERSION,
                utc_text(time.time_ns()),
                "test",
                (),
                (),
                (),
                (),
                "live",
                confirmed_empty,
            )
            write_discovery_file(
                discovery_path(Path(self.runtime.assignment.data_root), DiscoverySettings()), found
            )

    def get(self, path: str) -> requests.Response:
        self.later_ns += S  # what was answered before is too old by now
        return requests.get(self.url + path, timeout=30)

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        answer = self.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
        return found


@contextmanager
def telling(folder: Path, token_file: str = "") -> Iterator[Run]:
    run = Run(folder, free_port(), token_file=token_file)
    run.manifest = Manifest(run.runtime)
    try:
        yield run
    finally:
        run.manifest.close()


def test_a_recorder_that_starts_is_well_for_a_minute_and_ready_from_its_first_market_message(
    tmp_path: Path,
) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("connecting")
        healthy = run.get("/healthz")
        assert (healthy.status_code, healthy.headers["Content-Type"]) == (200, "application/json")
        assert healthy.json()["state"] == "STARTING"
        assert run.get("/readyz").status_code == 503
        run.later_ns += 51 * S
        run.say_supervisor()
        run.say_reader("waiting_for_data")
        late = run.get("/healthz")
        assert late.status_code == 503
        assert "ws_reader-0 has had no market data for 5" in late.json()["reason"]
        run.say("archive_writer-0", WRITER, event_types={"PONG": 3, "not_json": 1, "unknown:x": 1})
        assert run.get("/readyz").status_code == 503
        run.say("archive_writer-0", WRITER, event_types={"PONG": 3, "book": 1})
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        assert run.get("/readyz").status_code == 200
        assert run.get("/healthz").json() == {
            "ok": True,
            "state": "RUNNING_RECEIVING",
            "reason": "market data arrives",
            "warnings": [],
        }


def test_reconnecting_is_well_for_most_of_a_minute_since_the_last_data(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        data_at_ns = time.time_ns()
        run.say_reader("receiving", last_market_data_at_ns=data_at_ns)
        assert run.get("/healthz").status_code == 200
        for later_s, expected in ((40, 200), (12, 503)):
            run.later_ns += later_s * S
            run.say_supervisor()
            run.say_reader("reconnecting", last_market_data_at_ns=data_at_ns)
            answer = run.get("/healthz")
            assert (answer.status_code, answer.json()["state"]) == (expected, "RUNNING_RECONNECTING")


def test_a_reader_that_hangs_makes_the_recorder_unwell_but_one_that_was_retired_does_not(
    tmp_path: Path,
) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        run.say("ws_reader-1", replace(READER, last_market_data_at_ns=1))
        run.later_ns += 29 * S
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        run.later_ns += 25 * S
        run.say_supervisor()
        assert run.get("/healthz").status_code == 200
        run.later_ns += 10 * S
        assert "ws_reader-0 has said nothing for 3" in run.get("/healthz").json()["reason"]


def test_a_supervisor_that_hangs_makes_the_recorder_unwell(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.later_ns += 40 * S
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        assert "the supervisor has said nothing for 4" in run.get("/healthz").json()["reason"]


def test_without_tokens_it_is_well_and_ready_once_that_is_confirmed_and_when_it_stops_neither(
    tmp_path: Path,
) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("no_tokens")
        for confirmed, expected in ((None, 503), (False, 503), (True, 200)):
            run.discover(confirmed_empty=confirmed)
            for path in ("/healthz", "/readyz"):
                answer = run.get(path)
                assert (answer.status_code, answer.json()["state"]) == (expected, "RUNNING_NO_ACTIVE_TOKENS")
        run.say_supervisor("stopping")
        for path in ("/healthz", "/readyz"):
            assert run.get(path).status_code == 503
            assert run.get(path).json()["reason"] == "the recorder is STOPPING"


def test_it_is_alive_whatever_the_exchange_does_while_its_processes_speak(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("reconnecting")
        run.later_ns += 100 * S
        run.say_supervisor()
        run.say_reader("reconnecting")
        assert run.get("/healthz").status_code == 503
        assert run.get("/livez").json()["reason"] == "every process speaks"
        run.later_ns += 95 * S
        run.say_reader("reconnecting")
        late = run.get("/livez")
        assert late.status_code == 503
        assert late.json()["reason"].startswith("supervisor has said nothing for 9")


def test_silent_reference_prices_are_a_warning_and_a_metric_and_no_bad_health(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        running = supervisor(process("ws_reader-0", os.getpid()), process("reference-rtds", os.getpid()))
        run.say("supervisor", running)
        silent_since_ns = time.time_ns() - 200 * S
        silent = replace(REFERENCE, silent_since_ns=silent_since_ns, last_error="away")
        run.say("reference-rtds", silent)
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        health = run.get("/healthz")
        assert health.status_code == 200
        [warning] = health.json()["warnings"]
        assert warning.startswith("reference prices of rtds: none for ")
        assert run.metrics()["orderbooks_reference_up"] == {("rtds",): 0}
        assert "orderbooks_reference_seconds_since_last_price" not in run.metrics(), "none came yet"
        run.say("reference-rtds", replace(silent, last_price_at_ns=silent_since_ns))
        [age_s] = run.metrics()["orderbooks_reference_seconds_since_last_price"].values()
        assert 200 <= age_s < 2000
        run.later_ns += 100 * S
        run.say("supervisor", running)
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        assert run.get("/livez").status_code == 200, "its process alone has said nothing"


def test_outcomes_that_are_disputed_or_not_learned_are_warnings_and_metrics_and_no_bad_health(
    tmp_path: Path,
) -> None:
    shown = ResolutionShown(waiting=3, disagreements=("w: a says Up, b says Down",), failing="away")
    with telling(tmp_path) as run:
        poller = process("resolution_poller", os.getpid())
        run.say("supervisor", supervisor(process("ws_reader-0", os.getpid()), poller))
        late = replace(OUTBOX, lanes={0: 9}, oldest_seconds={0: 900.0})
        run.say("resolution_poller", ResolutionDetails(outbox=late, gaps=(), last_error="away", shown=shown))
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        health = run.get("/healthz")
        assert health.status_code == 200
        assert health.json()["warnings"] == [
            "outcomes of windows are not learned: away",
            "outcome disputed: w: a says Up, b says Down",
        ]
        values = {
            name: run.metrics()[f"orderbooks_outcomes_{name}"][()] for name in ("up", "waiting", "disputed")
        }
        assert values == {"up": 0, "waiting": 3, "disputed": 1}


def test_every_counter_of_the_run_manifest_is_a_metric(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say("ws_reader-0", replace(READER, state="connecting"), counters=dict.fromkeys(COUNTERS, 5))
        run.say("rest_checkpointer", NOTHING, counters={"gaps_total": 2, "one_of_its_own_total": 1})
        metrics = run.metrics()
        for name in set(COUNTERS) - BY_LABELS:
            in_seconds = name.replace("_milliseconds_", "_seconds_")
            expected = 0.005 if in_seconds != name else 7 if name == "gaps_total" else 5
            assert metrics[f"orderbooks_{in_seconds}"] == {(): expected}
        assert metrics["orderbooks_one_of_its_own_total"] == {(): 1}


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
def test_promtool_accepts_the_metrics_page(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns() - 3 * S)
        run.say("archive_writer-0", WRITER, event_types={"book": 4, 'unknown:a"\n': 1})
        page = run.get("/metrics").text
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False, timeout=60
    )
    assert not checked.stderr
    assert checked.returncode == 0


def test_the_metrics_tell_kinds_state_processes_and_queue_with_labels(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns() - 3 * S)
        kinds = {"book": 4, 'unknown:a"\n': 1, "unknown:b": 2}
        run.say("archive_writer-0", WRITER, event_types=kinds)
        metrics = run.metrics()
    moved = {kind: count for kind, count in metrics["orderbooks_event_types_total"].items() if count}
    assert moved == {("book",): 4, ("unknown",): 3}
    states = metrics["orderbooks_state"]
    assert (len(states), sum(states.values()), states[("RUNNING_RECEIVING",)]) == (7, 1, 1)
    assert 3 <= metrics["orderbooks_seconds_since_last_market_message"][()] < 30
    assert metrics["orderbooks_process_restarts_by_process_total"][("ws_reader-0",)] == 2
    assert metrics["orderbooks_process_resident_memory_bytes"][("ws_reader-0",)] > 1_000_000
    assert set(metrics["orderbooks_process_cpu_seconds_total"]) == {("ws_reader-0",)}
    assert ("archive_writer-0",) in metrics["orderbooks_process_heartbeat_age_seconds"]
    assert metrics["orderbooks_queue_backlog_envelopes"] == {("0", "ws_reader-0"): 7}
    assert metrics["orderbooks_spool_bytes"] == {("ws_reader-0",): 4096}
    assert (metrics["orderbooks_healthy"][()], metrics["orderbooks_ready"][()]) == (1, 1)


def test_before_the_first_market_message_its_age_is_missing_and_not_zero(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        assert "orderbooks_seconds_since_last_market_message" not in run.metrics()


def test_the_status_is_the_run_manifest_as_it_stands_now(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        assert run.get("/status.json").json()["counters"]["ws_messages_total"] == 0
        run.say("ws_reader-0", READER, counters={"ws_messages_total": 9})
        document = run.get("/status.json?pretty").json()
        assert document["counters"]["ws_messages_total"] == 9
        assert (document["service"], document["run_id"]) == (
            "orderbooks-ws-recorder",
            "20261123T000000Z-beef",
        )


def test_a_crowd_that_asks_gets_one_look_for_all(tmp_path: Path) -> None:
    run = Run(tmp_path, 0)
    board = StatusBoard(run.runtime)
    first = board.look()
    assert board.look() is first
    run.later_ns += S
    assert board.look() is not first


@pytest.mark.parametrize("host", ["127.0.0.1", "no host name", "a..b"])
def test_a_port_that_cannot_be_had_is_counted_and_the_recorder_goes_on(tmp_path: Path, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = Run(tmp_path, taken.getsockname()[1], host)
        manifest = Manifest(run.runtime)
        assert manifest.details().status_url is None
        assert run.runtime.tally.counters["http_port_failures_total"] == 1
        assert manifest.step(0)
        manifest.close()


def hello() -> Page:
    return json_page("hello")


@contextmanager
def serving(host: str = "127.0.0.1", *, connection_limit_s: float = 10) -> Iterator[StatusServer]:
    pages = {"/hello": hello, "/bug": lambda: Page(1 // 0, "", b"")}
    server = StatusServer(host, 0, pages, connection_limit_s=connection_limit_s)
    try:
        yield server
    finally:
        server.close()


def answer_to(request: bytes, server: StatusServer) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_only_reading_is_answered(method: str) -> None:
    with serving() as server:
        answer = requests.request(method, f"{server.url}/hello", timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
        missing = requests.get(f"{server.url}/other", timeout=30)
        assert (missing.status_code, missing.text) == (404, "known are /hello /bug\n")


def test_what_is_no_http_is_refused_and_a_bug_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as server:
        assert b" 400 " in answer_to(b"\x16\x03\x01 a b c\r\n\r\n", server)
        assert b" 500 " in answer_to(b"GET /bug HTTP/1.0\r\n\r\n", server)
        wait_for(lambda: caplog.records, what="the bug to be logged")
        assert requests.get(f"{server.url}/hello", timeout=30).json() == "hello"
    assert [record.getMessage() for record in caplog.records] == ["status request failed"]


def test_idle_clients_are_bounded_and_do_not_keep_others_out_for_long() -> None:
    with serving() as server, ExitStack() as stack:
        address = ("127.0.0.1", server.server_port)
        idle = [stack.enter_context(socket.create_connection(address)) for _ in range(MAX_CONNECTIONS)]
        assert answer_to(b"", server) == b""
        idle[0].close()

        def answered() -> bool:
            try:
                return requests.get(f"{server.url}/hello", timeout=30).ok
            except requests.ConnectionError:
                return False

        wait_for(answered, what="room for a client after another left")


def test_a_client_that_trickles_is_cut_off() -> None:
    with (
        serving(connection_limit_s=0.5) as server,
        socket.create_connection(("127.0.0.1", server.server_port)) as client,
    ):
        client.settimeout(0.1)

        def is_cut() -> bool:
            try:
                client.send(b"G")
                return client.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_for(is_cut, what="the server to cut the connection")


def test_it_listens_on_ipv6_too() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with serving("::1") as server:
        assert requests.get(f"{server.url}/hello", timeout=30).json() == "hello"


def test_a_running_recorder_tells_over_http_what_its_manifest_tells(tmp_path: Path) -> None:
    port = free_port()
    with started_command(
        "run_recorder",
        *("--exchange", "simulated", "--data-root", "d"),
        folder=tmp_path,
        environment={"RECORDER__MANIFEST__HTTP_PORT": str(port)},
    ) as process:
        resource.prlimit(
            process.pid, resource.RLIMIT_NOFILE, (256, 256)
        )  # what `ulimit -n` is on many machines

        def answer_of(path: str) -> tuple[int, str]:
            try:
                answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)
            except requests.RequestException as error:
                return 0, str(error)
            return answer.status_code, answer.text

        wait_for(
            lambda: answer_of("/readyz")[0] == 200,
            what=lambda: f"the recorder to be ready: {answer_of('/readyz')}",
        )
        health = answer_of("/healthz")
        assert health[0] == 200, health
        metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    shown = [name.replace("_milliseconds_", "_seconds_") for name in set(COUNTERS) - BY_LABELS]
    assert [name for name in shown if f"\norderbooks_{name} " not in metrics] == []
    assert 'orderbooks_event_types_total{event_type="book"}' in metrics
    stated = set(re.findall(r"^# TYPE (\w+)", metrics, re.MULTILINE))
    unknown = {name for name in metrics_asked_for() - stated if not name.startswith(NOT_KNOWN_YET)}
    assert not unknown, "alerts and board ask for what no page has"
    latest = json.loads((tmp_path / "d/manifests/polymarket_ws_recorder_latest.json").read_bytes())
    assert latest["state"] == "STOPPED"
    assert latest["counters"]["http_port_failures_total"] == 0
