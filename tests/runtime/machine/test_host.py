import pytest

from common.config_loading import load_settings
from common.errors import ConfigError
from common.runtime.machine.host import clean_host_name, host_name


def test_the_configured_name_counts_and_else_the_machines_own_as_the_setting_would_take_it() -> None:
    assert host_name("rack-7.lon") == "rack-7.lon"
    assert load_settings(options={"": {"host": host_name("")}}).host


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("box.example.org", "box.example.org"),
        ("my box/7\n", "my-box-7"),
        ("...", "host"),
        ("a" * 99, "a" * 63),
    ],
)
def test_a_machines_name_is_cleaned_to_one_that_the_setting_takes(name: str, cleaned: str) -> None:
    assert clean_host_name(name) == cleaned
    assert load_settings(environment={"RECORDER__HOST": cleaned}).host == cleaned


def test_a_name_that_could_not_stand_in_a_row_or_path_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"^environment RECORDER__HOST: host: Expected `str` matching regex"
    ):
        load_settings(environment={"RECORDER__HOST": "a/b"})
