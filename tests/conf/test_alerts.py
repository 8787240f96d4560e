"""Each alert fires, stays quiet and resolves, as Prometheus itself judges; its section is in the runbook."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.core.problems import ProblemKind
from tests.conf.shipped import CONF

ALERTS = CONF / "prometheus" / "alerts.yaml"
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)

STEADY = {
    'up{job="orderbooks",instance="r"}': "1x200",
    'orderbooks_ready{instance="r"}': "1x200",
    'orderbooks_leg_up{instance="r",leg="a"}': "1x200",
    'orderbooks_build_info{instance="r",version="0.2.0"}': "1x200",
    'orderbooks_state{instance="r",state="RUNNING_NO_ACTIVE_TOKENS"}': "0x200",
}  # of a recorder that is well; the time between two values is a minute
GROWING = "0+{step}x61 {end}+0x140"
WRONG: dict[str, tuple[str, str]] = {
    "OrderbooksRecorderDown": ('up{job="orderbooks",instance="r"}', "0x61 1x140"),
    "OrderbooksDark": ('orderbooks_seconds_since_last_market_message{instance="r"}', "300x61 1x140"),
    "OrderbooksUnhealthy": ('orderbooks_healthy{instance="r"}', "0x61 1x140"),
    "OrderbooksRowsNotDurable": (
        'orderbooks_queue_oldest_seconds{instance="r",producer="p",lane="0"}',
        "90x61 1x140",
    ),
    "OrderbooksOnOneLeg": ('orderbooks_leg_up{instance="r",leg="b"}', "0x61 1x140"),
    "OrderbooksStale": (
        'orderbooks_stale_reconnects_total{instance="r"}',
        GROWING.format(step=1, end=60),
    ),
    "OrderbooksManyGaps": ('orderbooks_gaps_total{instance="r"}', GROWING.format(step=2, end=120)),
    "OrderbooksDivergences": ('orderbooks_divergences_total{instance="r"}', GROWING.format(step=1, end=60)),
    "OrderbooksUnhealed": ('orderbooks_tokens_unhealed{instance="r"}', "2x61 0x140"),
    "OrderbooksClockOff": ('orderbooks_problems{instance="r",kind="clock_off"}', "1x61 0x140"),
    "OrderbooksReferenceSilent": ('orderbooks_reference_up{instance="r",source="rtds"}', "0x61 1x140"),
    "OrderbooksOutcomesNotLearned": ('orderbooks_outcomes_up{instance="r"}', "0x61 1x140"),
    "OrderbooksOutcomeDisputed": ('orderbooks_outcomes_disputed{instance="r"}', "2x61 0x140"),
    "OrderbooksSpoolFilling": ('orderbooks_spool_bytes{instance="r",producer="p"}', "600000000x61 1x140"),
    "OrderbooksDiskFullWithinADay": ('orderbooks_disk_full_in_seconds{instance="r"}', "3600x61 999999x140"),
    "OrderbooksProcessFlapping": (
        'orderbooks_process_restarts_by_process_total{instance="r",process="uploader"}',
        GROWING.format(step=1, end=60),
    ),
    "OrderbooksProcessSilent": (
        'orderbooks_process_heartbeat_age_seconds{instance="r",process="uploader"}',
        "120x61 1x140",
    ),
    "OrderbooksVersionSkew": ('orderbooks_build_info{instance="s",version="0.1.0"}', "1x61 _x140"),
    "OrderbooksUploadsFailing": ('orderbooks_upload_failing{instance="r"}', "1x61 0x140"),
    "OrderbooksUploadsBehind": ('orderbooks_upload_behind{instance="r"}', "1x61 0x140"),
    "OrderbooksUploadAlarm": ('orderbooks_upload_alarms{instance="r"}', "2x61 0x140"),
}  # an hour of what each alert is about, then hours in which it is over


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_bytes())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def firing(at: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """That these alerts fire at a moment, and no others."""
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names]
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": at,
        "exp_samples": samples,
    }


def case(series: dict[str, str], tests: list[dict[str, Any]]) -> dict[str, Any]:
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": inputs, "promql_expr_test": tests}


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_rules_and_the_configuration() -> None:
    promtool("check", "config", str(CONF / "prometheus" / "prometheus.yaml"))


@needs_promtool
def test_each_alert_waits_then_fires_alone_and_resolves(tmp_path: Path) -> None:
    cases = [case(STEADY, [firing("0m"), firing("59m"), firing("180m")])]
    for name, (series, values) in WRONG.items():
        told = [firing("0m"), firing("61m", (name,)), firing("180m")]
        cases.append(case(STEADY | {series: values}, told))
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}
    (tmp_path / "alerts_test.yaml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", str(tmp_path / "alerts_test.yaml"))


def burn(lost: list[float], told: dict[int, bool]) -> dict[str, Any]:
    """Hours in which so many of 100,000 token-seconds were lost; `told` is the hour at which the alert fires or not.

    A ledger counts an hour when it is over, so the counters rise in steps, as they do in a recorder.
    """
    expected, recorded = [0.0], [0.0]
    for loss in lost:
        expected.append(expected[-1] + 100_000)
        recorded.append(recorded[-1] + 100_000 - loss)
    steps = [
        {
            "series": f'orderbooks_token_seconds_{name}_total{{instance="r"}}',
            "values": " ".join(f"{value}+0x3" for value in values),
        }
        for name, values in (("expected", expected), ("recorded", recorded))
    ]
    names = ("OrderbooksTokenTimeLost",)
    tests = [firing(f"{hour * 60 + 30}m", names if fires else ()) for hour, fires in told.items()]
    wells = [{"series": name, "values": "1x400"} for name in STEADY if "RUNNING_NO" not in name]
    return {"interval": "15m", "input_series": [*steps, *wells], "promql_expr_test": tests}


@needs_promtool
def test_lost_token_time_fires_fast_or_slowly_and_resolves(tmp_path: Path) -> None:
    cases = [
        burn([0] * 90, {1: False, 89: False}),
        burn([*[0] * 20, 0.05 * 100, *[0] * 20], {19: False, 21: False, 40: False}),  # a two hundredth of it
        burn([*[0] * 30, 2000, *[0] * 30], {29: False, 31: True, 36: True, 39: False}),  # 72 s at once
        burn(
            [*[0] * 10, *[50] * 40, *[0] * 20], {10: False, 40: True, 52: True, 60: False}
        ),  # 0.05 % each hour
    ]
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "15m", "tests": cases}
    (tmp_path / "burn_test.yaml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", str(tmp_path / "burn_test.yaml"))


def test_every_alert_is_tried_and_has_its_section_in_the_runbook() -> None:
    names = [rule["alert"] for rule in rules()]
    assert sorted(names) == sorted([*WRONG, "OrderbooksTokenTimeLost"])
    runbook = (CONF / "runbook.md").read_text()
    assert re.findall(r"^## (\w+)$", runbook, re.MULTILINE) == names
    for rule in rules():
        assert rule["annotations"]["runbook_url"] == f"conf/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]


def test_each_section_of_the_runbook_answers_the_same_questions() -> None:
    sections = re.split(r"^## ", (CONF / "runbook.md").read_text(), flags=re.MULTILINE)[1:]
    for section in sections:
        asked = re.findall(r"^\*\*(.+?)\*\*", section, re.MULTILINE)
        assert asked == ["Means.", "Costs.", "Look.", "Do.", "Over."], section.partition("\n")[0]


def test_alerts_name_kinds_of_problems_that_there_are() -> None:
    kinds = {kind for rule in rules() for kind in re.findall(r'kind="(\w+)"', rule["expr"])}
    assert kinds <= set(ProblemKind.__args__)  # type: ignore[attr-defined]
