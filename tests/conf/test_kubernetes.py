import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from common import __version__
from common.runtime.run.run_dir import RunDir
from common.runtime.supervision.stopping import STOP_LIMIT_S
from common.topology import SPOOL_BYTES
from tests.conf.shipped import CONF, documents, lies_in, settings_from

NAME = "orderbooks-ws-recorder"
MIB = 1024 * 1024


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = documents("kubernetes/base")["StatefulSet"]["spec"]["template"]["spec"]
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


@pytest.mark.parametrize("kind", ["ConfigMap", "PodDisruptionBudget", "Service", "StatefulSet"])
def test_every_manifest_is_valid_to_the_letter(kind: str) -> None:
    kubernetes_validate.validate(documents("kubernetes/base")[kind], "1.34", strict=True)


def test_the_validation_would_find_a_misspelt_field() -> None:
    broken = documents("kubernetes/base")["Service"]
    broken["spec"]["selectors"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.34", strict=True)


def test_all_go_by_one_name_and_find_each_other() -> None:
    found = documents("kubernetes/base")
    kustomization = found.pop("Kustomization")
    assert {document["metadata"]["name"] for document in found.values()} == {NAME}
    assert sorted(kustomization["resources"]) == sorted(
        path.name for path in (CONF / "kubernetes/base").glob("*.yaml") if path.name != "kustomization.yaml"
    )
    assert [image["newTag"] for image in kustomization["images"]] == [__version__]
    stateful = found["StatefulSet"]["spec"]
    labels = stateful["template"]["metadata"]["labels"]
    assert stateful["serviceName"] == NAME
    assert stateful["replicas"] == 1
    assert stateful["selector"]["matchLabels"] == labels == found["Service"]["spec"]["selector"]
    assert found["Service"]["spec"]["clusterIP"] == "None"
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_two_recorders_have_names_and_selectors_of_their_own_and_never_share_a_node() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(CONF / "kubernetes/overlays/two-hosts")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert len({(each["kind"], each["metadata"]["name"]) for each in built}) == len(built) == 8
    for each in built:
        kubernetes_validate.validate(each, "1.34", strict=True)
    selectors = []
    for each in built:
        if each["kind"] != "StatefulSet":
            continue
        spec = each["spec"]["template"]["spec"]
        [rule] = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert rule["labelSelector"]["matchLabels"].items() <= labels.items()
        selectors.append(each["spec"]["selector"]["matchLabels"])
    assert len(selectors) == 2
    assert selectors[0] != selectors[1]


def test_the_settings_are_known_and_their_paths_lie_in_volumes(tmp_path: Path) -> None:
    config = tmp_path / "recorder.yaml"
    config.write_text(documents("kubernetes/base")["ConfigMap"]["data"]["recorder.yaml"])
    settings = settings_from(environment(), config)
    volumes = {mount["mountPath"]: mount["name"] for mount in container()["volumeMounts"]}
    paths = settings.paths
    assert paths.data_root == "/var/lib/orderbooks"
    assert volumes[paths.data_root] == "data"
    assert lies_in(paths.reports_root, volumes)
    assert lies_in(paths.run_dir, volumes)
    assert paths.run_dir not in volumes, "the volume itself belongs to root"
    assert "/tmp" in volumes
    [claim] = documents("kubernetes/base")["StatefulSet"]["spec"]["volumeClaimTemplates"]
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
    config.write_text(documents("kubernetes/base")["ConfigMap"]["data"]["recorder.yaml"])
    manifest = settings_from(environment(), config).manifest
    [port] = container()["ports"]
    [service_port] = documents("kubernetes/base")["Service"]["spec"]["ports"]
    assert manifest.http_host == "0.0.0.0"
    assert port["containerPort"] == manifest.http_port == service_port["port"]
    assert container()["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}
    assert container()["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert service_port["targetPort"] == port["name"]
    metadata = documents("kubernetes/base")["StatefulSet"]["spec"]["template"]["metadata"]
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


def test_the_volume_holds_a_week_of_what_the_page_on_uploads_says_a_day_costs() -> None:
    [claim] = documents("kubernetes/base")["StatefulSet"]["spec"]["volumeClaimTemplates"]
    size = re.fullmatch(r"(\d+)Gi", claim["spec"]["resources"]["requests"]["storage"])
    page = (CONF.parent / "common/uploads/README.md").read_text()
    day = re.search(r"takes ([\d.]+) GB", page)
    assert size is not None
    assert day is not None
    assert 8 * float(day[1]) <= int(size[1]) * 1024**3 / 1e9
