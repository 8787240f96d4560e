"""What rclone says, sorted and made fit to be shown."""

import json
from pathlib import Path

import pytest

from common.remote.log_lines import Patience, read_log, retry_after_s
from common.remote.program import environment_for_rclone
from common.remote.secrets import HIDDEN, without_secrets
from common.remote.store_hashes import store_computes_md5
from tests.remote.stores import RCLONE

RCLONE_PATH = Path(RCLONE)


def log(*lines: dict[str, str]) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in lines)


def test_lines_are_sorted_by_the_file_that_they_are_about() -> None:
    told = read_log(
        log(
            {"level": "info", "msg": "Copied (new)", "object": "a"},
            {"level": "error", "msg": "Failed to copy: no", "object": "b"},
            {"level": "error", "msg": "do not match: immutable file modified", "object": "c"},
            {"level": "error", "msg": "of another", "object": "z"},
            {"level": "notice", "msg": "Failed to copy with 2 errors:\nlast error", "object": ""},
            {"level": "notice", "msg": "a hint"},
        ),
        ["a", "b", "c"],
    )
    assert (told.copied, set(told.failed), told.conflicts) == ({"a"}, {"b", "c"}, {"c"})
    assert told.words == "last error (Failed to copy with 2 errors)"


def test_the_cause_goes_first_where_it_is_short() -> None:
    away = 'Failed to copy: Mkcol "http://127.0.0.1:9/x": dial tcp 127.0.0.1:9: connect: connection refused'
    told = read_log(log({"level": "error", "msg": away, "object": "a"}), ["a"]).failed["a"]
    assert told.startswith('connection refused (Failed to copy: Mkcol "http://127.0.0.1:9/x": dial tcp')
    assert len(read_log(log({"level": "error", "msg": "x" * 999, "object": "a"}), ["a"]).failed["a"]) == 400


def test_five_failures_in_a_row_end_a_call() -> None:
    def over(*messages: str) -> list[bool]:
        patience = Patience(["a"])
        return [patience.is_over(log({"level": "error", "msg": words, "object": "a"})) for words in messages]

    assert over("no", "no", "no", "no", "no") == [False, False, False, False, True]
    assert not any(over("no", "no", "no", "no", "immutable file modified", "no", "no", "no", "no"))
    assert not any(Patience(["a"]).is_over(log({"level": "error", "msg": "no"})) for _ in range(9))


def test_what_is_no_json_is_words_too() -> None:
    assert read_log(b"panic: out of memory\n\n", []).words == "panic: out of memory"
    assert read_log(b"\xff\n[1]\n", []).words


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ("Retry-After: 77\r\n", 77),
        ("retry-after: 5\nRetry-After: 9\n", 9),
        ("Retry-After: Thu, 01 Jan 1970 00:02:00 GMT\r\n", 20),
        ("Retry-After: 999999\n", 3600),
        ("Retry-After: soon\n", 0),
        ("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\n", 0),
        ("", 0),
    ],
)
def test_the_wait_that_a_store_asks_for_is_read_and_bounded(headers: str, seconds: float) -> None:
    assert retry_after_s(headers, 100) == seconds


@pytest.mark.parametrize(
    "words",
    [
        'Put "https://me:hunter22@host/x": refused',
        "https://host/x?X-Amz-Signature=hunter22&y=1",
        "https://host/x?sig=hunter22",
        "Authorization: Bearer hunter22",
        "password: hunter22",
        "access_token=hunter22, expired",
        "the key hunter22 is wrong",
    ],
)
def test_secrets_are_hidden_from_words(words: str) -> None:
    shown = without_secrets(words, {"RCLONE_CONFIG_X_SECRET_ACCESS_KEY": "hunter22", "HOME": "host"})
    assert "hunter22" not in shown
    assert HIDDEN in shown
    assert "host" in shown or "host" not in words


def test_the_environment_reaches_rclone_but_for_what_would_misdirect_it() -> None:
    given = {
        "RCLONE_CONFIG_S_TYPE": "s3",
        "AWS_ACCESS_KEY_ID": "x",
        "RCLONE_BWLIMIT": "1M",
        "RCLONE_TIMEOUT": "9s",
        "RCLONE_S3_NO_CHECK_BUCKET": "false",
        "RCLONE_NO_CHECK_CERTIFICATE": "true",
        "RCLONE_DRY_RUN": "true",
        "RCLONE_DUMP": "auth",
        "RCLONE_LOG_FILE": "/tmp/x",
        "RCLONE_NO_TRAVERSE": "false",
        "RCLONE_INCLUDE": "x",
    }
    seen = environment_for_rclone(given)
    assert list(given)[:6] == [name for name in given if name in seen]
    assert all(seen[name] == given[name] for name in list(given)[:6])
    assert seen["RCLONE_CONTIMEOUT"] == "15s"


@pytest.mark.parametrize(
    ("remote", "environment", "computes"),
    [
        ("/mnt/x", {}, True),
        ("X:b", {"RCLONE_CONFIG_X_TYPE": "s3"}, True),
        ("X:b", {"RCLONE_CONFIG_X_TYPE": "s3", "RCLONE_CONFIG_X_SERVER_SIDE_ENCRYPTION": "aws:kms"}, False),
        ("X:b", {"RCLONE_CONFIG_X_TYPE": "chunker"}, False),
        ("Y:b", {"RCLONE_CONFIG_X_TYPE": "s3"}, False),
        (":s3:b", {}, True),
        (":hasher:b", {}, False),
    ],
)
def test_only_a_store_that_computes_hashes_itself_is_believed(
    remote: str, environment: dict[str, str], *, computes: bool
) -> None:
    assert store_computes_md5(RCLONE_PATH, {"RCLONE_CONFIG": "/dev/null", **environment}, remote) is computes
