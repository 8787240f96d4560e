import re
import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from common.runtime.run_dir import RunDir
from common.runtime.supervision.stopping import STOP_LIMIT_S
from common.topology import SPOOL_BYTES
from tests.conf.shipped import CONF, documents, lies_in, settings_from

NAME = "orderbooks-ws-recorder"
MIB = 1024 * 1024


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = documents("kubernetes")["StatefulSet"]["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    [only] = pod()["containers"]
    assert isinstance(only, dict)
    return only


def environment() -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container()["env"]}


def mebibytes(quantity: str) -> int:
    match = re.fullmatch(r"(\d+)(Mi|Gi)", quantity)
    assert match, quantity
    return int(match[1]) * {"Mi": 1, "Gi": 1024}[match[2]]


@pytest.mark.parametrize("kind", ["ConfigMap", "Service", "StatefulSet"])
def test_every_manifest_is_valid_to_the_letter(kind: str) -> None:
    kubernetes_validate.validate(documents("kubernetes")[kind], "1.34", strict=True)


def test_the_validation_would_find_a_misspelt_field() -> None:
    broken = documents("kubernetes")["Service"]
    broken["spec"]["selectors"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.34", strict=True)


def test_all_go_by_one_name_and_find_each_other() -> None:
    found = documents("kubernetes")
    assert {document["metadata"]["name"] for document in found.values()} == {NAME}
    stateful = found["StatefulSet"]["spec"]
    labels = stateful["template"]["metadata"]["labels"]
    assert stateful["serviceName"] == NAME
    assert stateful["replicas"] == 1
    assert stateful["selector"]["matchLabels"] == labels == found["Service"]["spec"]["selector"]
    assert found["Service"]["spec"]["clusterIP"] == "None"


def test_the_settings_are_known_and_their_paths_lie_in_volumes(tmp_path: Path) -> None:
    config = tmp_path / "recorder.yaml"
    config.write_text(documents("kubernetes")["ConfigMap"]["data"]["recorder.yaml"])
    settings = settings_from(environment(), config)
    volumes = {mount["mountPath"]: mount["name"] for mount in container()["volumeMounts"]}
    paths = settings.paths
    assert paths.data_root == "/var/lib/orderbooks"
    assert volumes[paths.data_root] == "data"
    assert lies_in(paths.reports_root, volumes)
    assert lies_in(paths.run_dir, volumes)
    assert paths.run_dir not in volumes, "the volume itself belongs to root"
    assert "/tmp" in volumes
    [claim] = documents("kubernetes")["StatefulSet"]["spec"]["volumeClaimTemplates"]
    declared = {volume["name"]: volume for volume in pod()["volumes"]}
    assert {claim["metadata"]["name"], *declared} == set(volumes.values())
    assert container()["args"][1] == "/etc/orderbooks/recorder.yaml"
    assert volumes["/etc/orderbooks"] == "config"
    assert declared["config"]["configMap"]["name"] == NAME


def test_a_private_folder_can_be_made_in_a_volume_that_all_may_write() -> None:
    with tempfile.TemporaryDirectory() as volume:  # a short path: sockets lie below it
        Path(volume).chmod(0o2777)  # as the kubelet leaves an emptyDir with an fsGroup
        run_dir = RunDir(f"{volume}/recorder", Path(volume))
        assert (run_dir.path / "producers").is_dir()
        run_dir.release()


def test_the_probes_ask_the_configured_port_which_listens_outside_of_loopback(tmp_path: Path) -> None:
    config = tmp_path / "recorder.yaml"
    config.write_text(documents("kubernetes")["ConfigMap"]["data"]["recorder.yaml"])
    manifest = settings_from(environment(), config).manifest
    [port] = container()["ports"]
    [service_port] = documents("kubernetes")["Service"]["spec"]["ports"]
    assert manifest.http_host == "0.0.0.0"
    assert port["containerPort"] == manifest.http_port == service_port["port"]
    assert container()["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}
    assert container()["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert service_port["targetPort"] == port["name"]
    metadata = documents("kubernetes")["StatefulSet"]["spec"]["template"]["metadata"]
    assert metadata["annotations"]["prometheus.io/port"] == str(manifest.http_port)


def test_the_kubelet_does_not_restart_in_haste() -> None:
    probe = container()["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 60


def test_there_is_time_to_drain() -> None:
    assert pod()["terminationGracePeriodSeconds"] == 30 > sum(STOP_LIMIT_S.values()) + 5


def test_the_spool_has_its_room_in_memory() -> None:
    [run] = [volume for volume in pod()["volumes"] if volume["name"] == "run"]
    assert run["emptyDir"]["medium"] == "Memory"
    room = mebibytes(run["emptyDir"]["sizeLimit"])
    assert room >= 2 * SPOOL_BYTES // MIB
    assert mebibytes(container()["resources"]["limits"]["memory"]) >= room + 512


def test_it_runs_with_as_little_as_it_needs() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["automountServiceAccountToken"] is False
    context = container()["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    user = pod()["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}\n" in (CONF / "container" / "Containerfile").read_text()
