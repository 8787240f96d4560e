"""The recorder, Prometheus and Grafana as one composition: every path, port, name and setting in it exists."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.conf.shipped import CONF, settings_from
from tests.conf.test_alerts import rules

FOLDER = CONF / "compose"


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_bytes())
    return loaded


def board() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CONF / "grafana/dashboards/orderbooks.json").read_bytes())
    return loaded


def queries() -> list[str]:
    """Every PromQL expression of the board and of the alerts."""
    shown = [target["expr"] for panel in board()["panels"] for target in panel.get("targets", ())]
    asked = [each["query"] for each in board()["templating"]["list"] if each["type"] == "query"]
    return [*shown, *asked, *(rule["expr"] for rule in rules())]


def metrics_asked_for() -> set[str]:
    """The metrics that board and alerts ask for."""
    return {name for query in queries() for name in re.findall(r"orderbooks_\w+", query)}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """What a service mounts, by the path inside."""
    entries = [entry.removesuffix(":ro").rpartition(":") for entry in service["volumes"]]
    return {inside: outside for outside, _, inside in entries}


def test_what_is_built_and_mounted_from_the_repository_is_there() -> None:
    services = compose()["services"]
    build = services["recorder"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).is_file()
    outside = [path for service in services.values() for path in mounts(service).values()]
    for path in outside:
        assert path in compose()["volumes"] or (FOLDER / path).exists(), path


def test_the_recorder_is_told_of_settings_that_exist_and_keeps_its_outboxes_in_a_volume() -> None:
    recorder = compose()["services"]["recorder"]
    settings = settings_from(recorder["environment"])
    folders = {Path(inside) for inside in mounts(recorder)}
    assert Path(settings.paths.data_root) in folders
    assert Path(settings.paths.run_dir).parent in folders
    text = compose()["configs"]["prometheus"]["content"]
    scraped = yaml.safe_load(text)["scrape_configs"]
    assert scraped == [
        {
            "job_name": "orderbooks",
            "static_configs": [{"targets": [f"recorder:{settings.manifest.http_port}"]}],
        }
    ]


def test_nothing_is_open_to_other_machines() -> None:
    ports = [port for service in compose()["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_grafana_finds_its_source_and_its_board() -> None:
    provisioning = CONF / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_bytes())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = yaml.safe_load((provisioning / "dashboards/orderbooks.yaml").read_bytes())["providers"]
    inside = mounts(compose()["services"]["grafana"])
    assert inside[provider["options"]["path"]] == "../grafana/dashboards"


def test_the_boards_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = board()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in panels
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert all(x < 24 for x, _ in places)
