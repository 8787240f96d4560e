from common.core.instants import utc_text
from common.core.uploads.judgement import UploadEvent
from common.core.uploads.outlook import upload_of
from common.uploads.account import UploadAccount, counter_of
from common.uploads.passes import Figures

S = 1_000_000_000
NOW = 1_795_435_200 * S
ARCHIVE, LEDGER = "a/b.jsonl.gz", "a/b.ledger.json"


def failing(account: UploadAccount, figures: Figures, now_ns: int = NOW) -> bool:
    """As the run manifest judges it."""
    stated = account.stated(figures, None)
    return upload_of(stated, enabled=True, cleans_up=False, interval_s=60, now_ns=now_ns).failing


def test_what_goes_well_is_counted_of_archives_alone_and_every_failure() -> None:
    assert counter_of(UploadEvent("verified", ARCHIVE, "")) == "uploads_verified_total"
    assert counter_of(UploadEvent("cleaned", ARCHIVE, "")) == "archives_cleaned_total"
    assert counter_of(UploadEvent("verified", LEDGER, "")) is None
    for event in (
        UploadEvent("failed", LEDGER, ""),
        UploadEvent("alarm", ARCHIVE, ""),
        UploadEvent("away", "", ""),
    ):
        assert counter_of(event) == "upload_failures_total"


def test_before_the_first_look_only_what_is_known_is_told() -> None:
    stated = UploadAccount("r:b").stated(None, None)
    assert (stated.remote, stated.state, stated.backlog_files) == ("r:b", "idle", None)


def test_it_fails_from_an_error_to_the_next_success_whatever_the_wall_clock_does() -> None:
    account = UploadAccount("r:b")
    ahead = Figures(last_proof_utc=utc_text(NOW + 3600 * S))
    assert not failing(account, ahead)
    account.note(UploadEvent("away", "", "gone"), NOW)
    assert failing(account, ahead), "a proof from a clock that was ahead is no later success"
    account.note(UploadEvent("verified", ARCHIVE, ""), NOW - 60 * S)
    assert not failing(account, Figures(last_proof_utc=utc_text(NOW - 60 * S))), "the clock was put back"
    account.note(UploadEvent("cleaned", ARCHIVE, ""), NOW)
    assert account.stated(None, None).last_error == "gone"


def test_what_waits_and_for_how_long_is_told_as_the_run_manifest_takes_it() -> None:
    figures = Figures("uploading", 2, 30, NOW - 90 * S, 5, None, ("x: altered",))
    stated = UploadAccount("r:b").stated(figures, NOW + 5 * S)
    seen = upload_of(stated, enabled=True, cleans_up=True, interval_s=60, now_ns=NOW)
    assert (seen.state, seen.backlog_files, seen.backlog_bytes, seen.verified_files) == ("waiting", 2, 30, 5)
    assert (seen.backlog_age_seconds, seen.alarms) == (90, ("x: altered",))
    assert seen.next_attempt_at_utc == utc_text(NOW + 5 * S)
    assert UploadAccount("r:b").stated(figures, None).state == "uploading"
