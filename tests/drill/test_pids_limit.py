from pathlib import Path

from common.drill.pids_limit import parents


def test_a_group_of_processes_is_made_where_either_version_of_control_groups_has_its_own(
    tmp_path: Path,
) -> None:
    first = "9:name=systemd:/\n8:pids:/docker/abc\n4:memory:/other\n"
    second = "0::/user.slice/session\n"
    assert list(parents(tmp_path, first)) == [tmp_path / "pids/docker/abc"]
    assert list(parents(tmp_path, second)) == [tmp_path / "user.slice/session"]
