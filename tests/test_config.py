import traceback
from pathlib import Path

import pytest

from common.config import Settings
from common.config_loading import load_settings
from common.config_sources import misspelt_variables
from common.core.discovery.wanted_markets import BTC_SERIES
from common.errors import ConfigError

MAX_STALE = "max_consecutive_stale_reconnects_before_discovery_refresh"


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(text.encode())
    return path


def refusal(folder: Path, text: str) -> str:
    """What is said of a settings file, which it names."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as refused:
        load_settings(path)
    words = str(refused.value)
    assert words.startswith(f"{path}: ")
    return words.removeprefix(f"{path}: ")


def test_without_anything_every_key_has_its_default() -> None:
    assert load_settings() == Settings()
    assert load_settings().discovery.series == BTC_SERIES


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "writer:\n", "writer: {}\n"])
def test_a_file_that_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load_settings(written(tmp_path, text)) == Settings()


def test_options_beat_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    path = written(tmp_path, "writer: {writers: 2, gzip_level: 2, commit_interval_seconds: 2}\n")
    environment = {
        "RECORDER__WRITER__WRITERS": "3",
        "RECORDER__WRITER__GZIP_LEVEL": "3",
        "RECORDER_WRITER_WRITERS": "9",
        "HOME": "/root",
    }
    settings = load_settings(path, environment=environment, options={"writer": {"writers": 4}})
    assert settings.writer.writers == 4
    assert settings.writer.gzip_level == 3
    assert settings.writer.commit_interval_seconds == 2
    assert settings.writer.rotation_interval_seconds == 3600


def test_values_of_the_environment_are_read_like_those_of_a_file() -> None:
    environment = {
        "RECORDER__DISCOVERY__SERIES": "[eth-up-or-down-5m]",
        "RECORDER__UPLOAD__REMOTE": "store:bucket/a",
        "RECORDER__UPLOAD__CLEANUP_AFTER_VERIFY": "true",
        "RECORDER__PATHS__RUN_DIR": "",
        "RECORDER__SAMPLE__DURATION_SECONDS": "10.5",
    }

    settings = load_settings(environment=environment)
    assert settings.discovery.series == ("eth-up-or-down-5m",)
    assert settings.upload.remote == "store:bucket/a"
    assert settings.upload.cleanup_after_verify is True
    assert settings.paths.run_dir == ""
    assert settings.sample.duration_seconds == 10.5


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("1d", 86_400), ("0.5s", 0.5), ("7", 7)]
)
def test_a_length_of_time_may_carry_its_unit(text: str, seconds: float, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"sample: {{duration_seconds: {text}}}\n")
    assert load_settings(config).sample.duration_seconds == seconds
    environment = {"RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS": text}
    assert load_settings(environment=environment).rest_checkpoint.interval_seconds == seconds


def test_a_whole_number_of_seconds_takes_a_unit_and_a_fraction_is_refused() -> None:
    rotation = "RECORDER__WRITER__ROTATION_INTERVAL_SECONDS"
    assert load_settings(environment={rotation: "1h"}).writer.rotation_interval_seconds == 3600
    for text in ("1.5s", "1w", "2d"):
        with pytest.raises(ConfigError, match=rotation):
            load_settings(environment={rotation: text})


def test_whoever_names_something_to_record_replaces_all_that_was_named_before(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("discovery: {tags: [politics], market_limit: 5}\n")
    from_file = load_settings(config).discovery
    assert (from_file.series, from_file.tags, from_file.market_limit) == ((), ("politics",), 5)
    environment = {"RECORDER__DISCOVERY__EVENTS": "[who-wins]"}
    from_environment = load_settings(config, environment=environment).discovery
    assert (from_environment.tags, from_environment.events) == ((), ("who-wins",))
    options = {"discovery": {"series": ["eth-up-or-down-5m"], "markets": ["m"]}}
    both = load_settings(config, environment=environment, options=options).discovery
    assert (both.series, both.tags, both.events, both.markets) == (("eth-up-or-down-5m",), (), (), ("m",))
    kept = load_settings(config, options={"discovery": {"market_limit": 1}}).discovery
    assert kept.tags == ("politics",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("writer: {writers: 0}", "writer.writers: Expected `int` >= 1, got 0"),
        ("writer: {writers: 65}", "writer.writers: Expected `int` <= 64, got 65"),
        ("writer: {writers: many}", "writer.writers: Expected `int`, got 'many'"),
        ("writer: {writers: 1.5}", "writer.writers: Expected `int`, got 1.5"),
        ("writer: {writers: null}", "writer.writers: Expected `int`, got None"),
        ("upload: {enabled: 1}", "upload.enabled: Expected `bool`, got 1"),
        ("upload: {verify: trust}", "upload.verify: Expected one of `read_back`, `remote_hash`, got 'trust'"),
        ("websocket: {ping_interval_seconds: 0}", "websocket.ping_interval_seconds: Expected `float` > 0.0"),
        ("exchange: {ws_url: 'http://x'}", "exchange.ws_url: Expected `str` matching regex '^wss?://"),
        ("exchange: {clob_url: 'ftp://x'}", "exchange.clob_url: Expected `str` matching regex '^https?://"),
        ("discovery: {series: []}", "discovery.series, tags, events and markets are all empty"),
        ("discovery: {tags: ['a b']}", "discovery.tags[0]: Expected `str` matching regex"),
        (
            "discovery: {markets: ['https://example.com/x']}",
            "discovery.markets: 'https://example.com/x' is not",
        ),
        ("discovery: {events: ['a b']}", "discovery.events: 'a b' is not a slug"),
        ("discovery: {series: [ok, '../x']}", "discovery.series[1]: Expected `str` matching regex"),
        ("discovery: {series: btc}", "discovery.series: Expected `list`, got 'btc'"),
        ("paths: {data_root: ''}", "paths.data_root: Expected `str` of length >= 1, got ''"),
        ('paths: {data_root: "a\\0b"}', "paths.data_root: Expected `str` matching regex"),
        ("manifest: {http_host: ''}", "manifest.http_host: Expected `str` of length >= 1, got ''"),
    ],
)
def test_a_value_out_of_its_bounds_is_refused_by_file_key_and_bound(
    tmp_path: Path, text: str, words: str
) -> None:
    assert words in refusal(tmp_path, text)


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "-1"])
def test_no_duration_is_endless_or_no_number(tmp_path: Path, value: str) -> None:
    assert "sample.duration_seconds" in refusal(tmp_path, f"sample: {{duration_seconds: {value}}}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("writer: {writer: 1}", "unknown key writer.writer; did you mean 'writers'?"),
        ("writers: {writers: 1}", "unknown section 'writers'; did you mean 'writer'?"),
        ("zzz: {a: 1}", "unknown section 'zzz'; known are exchange, discovery,"),
        ("sample: {zzz: 1}", "unknown key sample.zzz; known are duration_seconds"),
        ("writer: {1: 2}", "unknown key writer.1; known are writers,"),
        ("1: {a: 2}", "unknown section '1'; known are"),
    ],
)
def test_an_unknown_name_is_refused_with_the_one_that_was_meant(
    tmp_path: Path, text: str, words: str
) -> None:
    assert refusal(tmp_path, text).startswith(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("writer: {writers: [", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
        (
            "writer: {writers: 1}\nwriter: {gzip_level: 2}",
            "is not valid YAML: writer is given twice (line 2)",
        ),
        ("writer: {writers: 1, writers: 2}", "is not valid YAML: writers is given twice"),
        ("!!python/object/apply:os.system [echo]", "is not valid YAML"),
        ("[1, 2]", "must hold sections with keys, not a list"),
        ("just words", "must hold sections with keys, not a str"),
        ("writer: 3", "writer: must hold keys, not 3"),
        ("writer: [1]", "writer: must hold keys, not [1]"),
    ],
)
def test_what_is_no_settings_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert refusal(tmp_path, text).startswith(words)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(ConfigError, match=r"binary\.yaml: is not valid YAML"):
        load_settings(path)


def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(ConfigError, match=r"cannot be read .*; give --config a readable file"):
            load_settings(path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RECORDER__WRITER", "1", ": RECORDER__WRITER: must be RECORDER__<SECTION>__<KEY>"),
        ("RECORDER__WRITER__", "1", ": RECORDER__WRITER__: must be RECORDER__<SECTION>__<KEY>"),
        ("RECORDER__WRITER__WRITERS", "[", ": RECORDER__WRITER__WRITERS: is not a valid value: '['"),
        (
            "RECORDER__WRITER__WRITERS",
            "0",
            " RECORDER__WRITER__WRITERS: writer.writers: Expected `int` >= 1, got 0",
        ),
        ("RECORDER__WRITER__WRITER", "1", ": unknown key writer.writer; did you mean 'writers'?"),
        (
            "RECORDER__PATHS__DATA_ROOT",
            "",
            " RECORDER__PATHS__DATA_ROOT: paths.data_root: Expected `str` of length >= 1, got ''",
        ),
    ],
)
def test_the_environment_is_refused_by_its_own_names(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(environment={name: value})
    assert str(refused.value) == f"environment{words}"


def test_an_option_is_refused_as_such() -> None:
    with pytest.raises(ConfigError, match=r"^command line: sample\.duration_seconds: Expected `float` > 0"):
        load_settings(options={"sample": {"duration_seconds": 0}})


def test_delays_that_contradict_each_other_are_refused_where_they_were_given(tmp_path: Path) -> None:
    words = refusal(tmp_path, "websocket: {reconnect_initial_delay_seconds: 60}")
    assert words == (
        "websocket.reconnect_max_delay_seconds: must be >= websocket.reconnect_initial_delay_seconds (60.0),"
        " got 30.0"
    )
    assert "reconnect_max_delay_seconds" in refusal(tmp_path, "websocket: {reconnect_max_delay_seconds: 0.1}")


def test_an_upload_without_a_remote_is_refused(tmp_path: Path) -> None:
    words = refusal(tmp_path, "upload: {enabled: true}")
    assert words == "upload.remote: must name an rclone remote when upload.enabled is true"
    assert load_settings(written(tmp_path, "upload: {enabled: true, remote: 'a:b'}")).upload.enabled


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ("s3,secret_access_key=hunter2:bucket", "must hold no parameters"),
        (":webdav,pass=x,url='http://x':y", "must hold no parameters"),
        ("--config=/etc/x", "is not an rclone remote"),
        ("a:b\nc", "is not an rclone remote"),
        ("bucket", "must be like store:bucket/folder"),
    ],
)
def test_a_remote_that_could_carry_a_secret_or_is_none_is_refused(remote: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"^command line: upload\.remote: {words}"):
        load_settings(options={"upload": {"remote": remote}})


@pytest.mark.parametrize("remote", ["store:bucket/a, b", "/mnt/a,b:c", ":s3:bucket", "./here", "x:"])
def test_a_remote_as_rclone_names_it_is_taken(remote: str) -> None:
    assert load_settings(options={"upload": {"remote": remote}}).upload.remote == remote


def test_equal_settings_have_equal_digests_and_others_have_not() -> None:
    same = load_settings(options={"writer": {"writers": 1}})
    other = load_settings(options={"websocket": {MAX_STALE: 4}})
    assert same.sha256() == Settings().sha256()
    assert other.sha256() != Settings().sha256()
    assert len(same.sha256()) == 64


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RECORDER_WRITER_WRITERS", ["RECORDER__WRITER__WRITERS"]),
        ("RECORDER_WRITER__WRITER", ["RECORDER__WRITER__WRITERS"]),
        ("RECORDER_REST_CHECKPOINT_INTERVAL_SECOND", ["RECORDER__REST_CHECKPOINT__INTERVAL_SECONDS"]),
        ("recorder__writer__writers", ["RECORDER__WRITER__WRITERS"]),
        ("RECORDER_HOST", ["RECORDER__HOST"]),
        ("RECORDER_WRITER_ZZZ", ["RECORDER__WRITER__ZZZ"]),
        ("RECORDER__WRITER__WRITERS", []),
        ("RECORDER_OF_SOMEBODY_ELSE", []),
        ("TAPE_RECORDER_WRITER_X", []),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_found_with_what_was_meant(
    name: str, meant: list[str]
) -> None:
    assert [each for _, each in misspelt_variables({name: "1"})] == meant


def test_retention_that_deletes_what_is_proved_needs_a_proof_of_the_bytes() -> None:
    options: dict[str, dict[str, object]] = {
        "retention": {"max_bytes": 5},
        "upload": {"verify": "remote_hash"},
    }
    with pytest.raises(ConfigError, match=r"upload\.verify: must be read_back where retention"):
        load_settings(options=options)
    load_settings(options={**options, "retention": {"max_bytes": 5, "only_proved": False}})
    load_settings(options={"retention": {"max_bytes": 5}})


@pytest.mark.parametrize("url", ["ftp://h/S3CRET", "https://user:S3CRET@h/", "S3CRET", "https:///S3CRET"])
def test_a_url_that_may_hold_a_secret_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match="RECORDER__NOTIFY__WEBHOOK_URL") as refused:
        load_settings(environment={"RECORDER__NOTIFY__WEBHOOK_URL": url})
    assert "S3CRET" not in str(refused.value)
    assert "S3CRET" not in "".join(traceback.format_exception(refused.value))
