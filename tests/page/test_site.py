import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import requests

from common.config import DiscoverySettings
from common.core.instants import utc_text
from common.core.market import DISCOVERY_SCHEMA_VERSION, DiscoveryFile, Market, Token
from common.page.files import page_files
from common.polymarket.gamma.discovery_file import discovery_path, write_discovery_file
from tests.stated import READER
from tests.status.test_health_http import Run, telling

HOSTILE = "<script>alert('x')</script>\u2028"


def record_market(run: Run, slug: str, outcome: str) -> None:
    token = Token(slug, "0xabc", "7", outcome, "")
    found = DiscoveryFile(
        DISCOVERY_SCHEMA_VERSION,
        utc_text(time.time_ns()),
        "test",
        (),
        (Market(slug, "0xabc", "s", "", "", (token,)),),
        (),
        (),
        "live",
    )
    write_discovery_file(discovery_path(Path(run.runtime.assignment.data_root), DiscoverySettings()), found)


def test_the_page_and_its_files_come_whole_and_name_nothing_elsewhere(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        page = run.get("/")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        for path in re.findall(r'(?:src|href)="(/page/[^"]+)"', page.text):
            assert run.get(path).status_code == 200, path
    for path, file in page_files().items():
        text = file.body.decode()
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), f"{path} names another machine"
        assert "innerHTML" not in text
        assert not re.search(r"\son\w+=|<script>|<style|\sstyle=", text), (
            f"{path} holds what the policy forbids"
        )
        for module in re.findall(r'from "\./([^"]+)"', text):
            assert f"/page/{module}" in page_files(), f"{path} imports {module}"


def test_the_overview_tells_verdict_run_and_panels(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        run.say_reader("receiving", last_market_data_at_ns=time.time_ns())
        answer = run.get("/api/overview").json()
        assert (answer["verdict"]["level"], answer["run"]["exchange"]) == ("whole", "live")
        assert answer["run"]["version"]
        assert answer["now"]["queue"][0]["waiting"] == 7
        assert {"disk", "upload", "open", "closed"} <= answer["storage"].keys()
        with requests.get(f"{run.url}/api/live", stream=True, timeout=30) as stream:
            event = next(stream.iter_lines())
        assert json.loads(event.removeprefix(b"data: ")).keys() == answer.keys()


def test_hostile_names_reach_the_page_as_data(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        run.say_supervisor()
        record_market(run, HOSTILE, HOSTILE)
        answer = run.get(f"/api/markets?search={HOSTILE}&page=%3Cscript%3E")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        (market,) = answer.json()["markets"]
        assert (market["slug"], market["tokens"][0]["outcome"]) == (HOSTILE, HOSTILE)


def test_what_is_asked_for_wrongly_is_refused_with_a_reason(tmp_path: Path) -> None:
    with telling(tmp_path) as run:
        answer = run.get("/api/hour?row=x&from=yesterday")
        assert (answer.status_code, list(answer.json())) == (400, ["error"])
        assert run.get("/api/conditions?days=99999").json()["hours"] == 90 * 24
        for query in ("token=7&to=soon", "token=../x&to=2026-11-23T12:00:00Z", "to=2026-11-23T12:00:00Z"):
            assert run.get(f"/api/book?{query}").status_code == 400
        assert run.get("/api/hour?row=x&from=2026-11-23T12:00:00Z").json()["ledgers"] == []


def test_the_process_samples_its_figures_whether_or_not_anybody_looks(tmp_path: Path) -> None:
    with telling(tmp_path) as run:

        def receive(messages: int) -> Mapping[str, object]:
            run.say_supervisor()
            run.say("ws_reader-0", READER, counters={"ws_messages_total": messages})
            run.later_ns += 10_000_000_000
            assert run.manifest.step(0)
            rates: Mapping[str, object] = run.get("/api/overview").json()["now"]["rates"]
            return rates

        assert receive(100) == {"a": []}
        (rate,) = msgspec.convert(receive(1100)["a"], list[float])
        assert 0 < rate <= 100


def test_a_token_that_cannot_be_read_lets_nobody_in(tmp_path: Path) -> None:
    with telling(tmp_path, token_file=str(tmp_path / "none")) as run:
        assert run.get("/").status_code == 401
        assert run.get("/livez").status_code == 200
