"""The page of metrics as Prometheus reads it."""

from collections import Counter
from typing import get_args

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from common.config import Settings
from common.core.audit.books_shown import NO_BOOKS, BooksShown
from common.core.audit.results import Check, Verdict
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
