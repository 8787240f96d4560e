import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from common.runtime.command_line.invocation import PROGRAM
from tests.conf.shipped import CONF, ROOT, settings_from, setup_cfg, words

Instruction = tuple[str, str]
SHORT = ("--exchange", "simulated", "--duration-seconds", "4", "--rest-checkpoint-interval-seconds", "0.5")


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, continued lines joined, comments dropped."""
    text = (CONF / "container" / "Containerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest.strip()))
    return found


def values(stage: list[Instruction], name: str) -> list[str]:
    return [rest for each, rest in stage if each == name]


def copied(stage: list[Instruction]) -> list[tuple[list[str], str]]:
    """Sources and target of each COPY out of the repository."""
    rests = [shlex.split(rest) for rest in values(stage, "COPY")]
    return [(rest[:-1], rest[-1]) for rest in rests if not rest[0].startswith("--from")]


def build_folder(folder: Path) -> Path:
    """What the build stage's COPY instructions make of the repository."""
    for sources, target in copied(stages()[0]):
        for source in sources:
            path = folder / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, path, ignore=shutil.ignore_patterns("__pycache__"))
                continue
            path = path / Path(source).name if target.endswith("/") else path
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source, path)
    return folder


def test_everything_that_is_copied_is_there() -> None:
    sources = [source for stage in stages() for sources, _ in copied(stage) for source in sources]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source


def test_what_the_installation_needs_is_copied(tmp_path: Path) -> None:
    build = build_folder(tmp_path)
    metadata, find = setup_cfg()["metadata"], setup_cfg()["options.packages.find"]
    for name in ("setup.cfg", "pyproject.toml", metadata["license_files"], "conf/constraints.txt"):
        assert (build / name).is_file(), name
    assert (build / metadata["long_description"].removeprefix("file: ")).is_file()
    for package in {entry.partition(".")[0] for entry in words(find["include"])}:
        assert (build / package / "__init__.py").is_file(), package
    for pattern in words(setup_cfg()["options.package_data"]["conf"]):
        shipped = {path.name for path in CONF.glob(pattern)}
        assert shipped == {path.name for path in (build / "conf").glob(pattern)}


def test_an_installed_recorder_records_two_markets_in_a_sample_from_an_empty_folder(tmp_path: Path) -> None:
    build, empty = build_folder(tmp_path / "build"), tmp_path / "empty"
    empty.mkdir()
    result = subprocess.run(
        [sys.executable, "-P", "-m", "procs.commands.orderbook_recorder", "record-sample", *SHORT],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(build)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    manifest = json.loads(
        (empty / "data-simulated/manifests/checkpoint_010b_ws_raw_sample.json").read_bytes()
    )
    assert len(manifest["markets"]) == 2
    assert manifest["next_command"] == "orderbook-recorder run-recorder"


def test_the_versions_are_pinned_and_the_base_is_named_in_full() -> None:
    assert any("--constraint conf/constraints.txt" in run for run in values(stages()[0], "RUN"))
    bases = [base for stage in stages() for base in values(stage, "FROM")]
    for base in bases:
        assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim( AS \w+)?", base), base


def test_it_ends_as_a_user_that_owns_the_data_and_is_not_root() -> None:
    final = stages()[-1]
    names = [name for name, _ in final]
    [user] = values(final, "USER")
    uid, _, gid = user.partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    assert "RUN" not in names[names.index("USER") :]
    [made] = values(final, "RUN")
    assert f"useradd --uid {uid}" in made
    assert f"install -d -o {uid} -g {gid} -m 0750 /var/lib/orderbooks" in made


def test_it_starts_a_command_that_an_installation_has_and_stops_it_in_order() -> None:
    [entry] = values(stages()[-1], "ENTRYPOINT")
    commands = words(setup_cfg()["options.entry_points"]["console_scripts"])
    assert json.loads(entry) == [PROGRAM, "run-recorder"]
    assert [command.split(" = ")[0] for command in commands] == [PROGRAM]
    assert values(stages()[-1], "STOPSIGNAL") == ["SIGTERM"]


def test_its_environment_holds_known_settings_and_its_volume_the_data() -> None:
    [given] = values(stages()[-1], "ENV")
    environment = dict(entry.split("=", 1) for entry in shlex.split(given))
    settings = settings_from(environment)
    assert values(stages()[-1], "VOLUME") == [settings.paths.data_root] == ["/var/lib/orderbooks"]
    assert values(stages()[-1], "EXPOSE") == [str(settings.manifest.http_port)]
    assert environment["PATH"].startswith("/opt/recorder/bin:")
