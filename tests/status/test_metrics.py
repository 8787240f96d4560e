"""The page of metrics as Prometheus reads it."""

import re
from collections import Counter
from pathlib import Path
from typing import get_args

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from common.config import Settings
from common.core.audit.books_shown import NO_BOOKS, BooksShown
from common.core.audit.results import Check, Verdict
from common.core.causes import Cause
from common.core.status import health
from common.runtime.process import Assignment
from common.status.board import Status
from common.status.compose import compose
from common.status.metrics import metrics_text
from tests.stated import AUDITOR, facts

NOW = 2 * 10**18


def page(*, books: BooksShown, counters: dict[str, int]) -> str:
    assignment = Assignment(
        run_id="r1", mode="runtime", started_at_ns=10**18, data_root="d", run_dir="r", settings=Settings()
    )
    auditor = facts("book_auditor", replace(AUDITOR, books=books), counters=counters)
    manifest = compose(
        assignment,
        {"book_auditor": auditor},
        markets=(),
        now_ns=NOW,
        finished=False,
        room=None,
        archive_bytes_per_second=None,
    )
    verdict = health.Verdict(ok=True, reason="")
    return metrics_text(Status(manifest, verdict, verdict, verdict, (), {}, None, None, {})).decode()


def test_each_metric_is_one_family() -> None:
    text = page(books=replace(NO_BOOKS, checks={"hash": {"agree": 3}}), counters={"book_checks_total": 3})
    types = Counter(line.split()[2] for line in text.splitlines() if line.startswith("# TYPE "))
    assert [name for name, times in types.items() if times > 1] == []


def test_every_kind_of_check_has_a_series_before_it_moves() -> None:
    text = page(books=replace(NO_BOOKS, checks={"hash": {"agree": 3}}), counters={"book_checks_total": 3})
    found = {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "orderbooks_book_checks_total"
    }
    assert found == {
        (check, verdict): 3 if (check, verdict) == ("hash", "agree") else 0
        for check in get_args(Check)
        for verdict in get_args(Verdict)
    }


def test_every_documented_series_is_there_before_anything_happened() -> None:
    text = page(books=NO_BOOKS, counters={})
    shown = {family.name for family in text_string_to_metric_families(text)}
    readme = (Path(__file__).parents[2] / "common/status/README.md").read_text()
    documented = re.findall(r"^\| `(\w+_total)` \|", readme.partition("\n## Counters")[2], re.MULTILINE)
    names = {name.replace("_milliseconds_", "_seconds_").removesuffix("_total") for name in documented}
    assert len(names) > 50
    assert names - {name.removeprefix("orderbooks_") for name in shown} == set()


def test_gaps_and_ledgers_are_counted_by_what_they_are_from_0_on() -> None:
    counters = {
        "gaps_total": 3,
        "gaps_total:stale_feed": 2,
        "gaps_total:spool_full": 1,
        "ledgers_written_total:ws_raw:gap": 4,
    }
    text = page(books=NO_BOOKS, counters=counters)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    by_cause = {
        labels[1]: value for labels, value in found.items() if labels[0] == "orderbooks_gaps_by_cause_total"
    }
    assert by_cause == {cause: {"stale_feed": 2, "spool_full": 1}.get(cause, 0) for cause in get_args(Cause)}
    assert found["orderbooks_ledgers_by_condition_total", "gap", "ws_raw"] == 4
    assert found["orderbooks_ledgers_by_condition_total", "missing", "rest_checkpoints"] == 0
    assert ":" not in "".join(name for name, *_ in found)
