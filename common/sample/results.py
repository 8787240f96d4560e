"""A finished sample is judged from what is on disk, and the verdict written: manifest and report."""

from pathlib import Path

import msgspec

from common.core.sample.account import SAMPLE_SCHEMA_VERSION, SampleFacts, SampleManifest, SampleRun
from common.core.sample.gate import PASS, judge
from common.errors import ArchiveError
from common.files import write_atomically
from common.sample.facts import gather_facts
from common.sample.picture import sample_picture
from common.sample.report import report_text
from common.version import PROGRAM_VERSION

PROBLEMS_TOLD = 20
MANIFEST_PATH = "manifests/checkpoint_010b_ws_raw_sample.json"
REPORT_PATH = "checkpoints/checkpoint_010b_ws_raw_sample.md"
PICTURE_NAME = "checkpoint_010b_ws_raw_sample.svg"  # beside the report


def judge_sample(data_root: Path, run: SampleRun) -> SampleManifest:
    """Read both outputs of the run again and judge them. Raises ArchiveError when one cannot be read at all."""
    try:
        facts = gather_facts(data_root, run.run_id)
    except OSError as error:
        raise ArchiveError(f"{error.filename}: cannot be read ({error.strerror})") from error
    verdict, reasons = judge(facts, run, str(data_root))
    return SampleManifest(
        schema_version=SAMPLE_SCHEMA_VERSION,
        verdict=verdict,
        reasons=reasons,
        next_command=run.next_command if verdict == PASS else reasons[0].next_command,
        run_id=run.run_id,
        started_at_utc=run.started_at_utc,
        ended_at_utc=run.ended_at_utc,
        duration_seconds=run.duration_seconds,
        config_sha256=run.config_sha256,
        data_root=str(data_root),
        markets=run.markets,
        counts=_counts(facts),
        messages_by_type=facts.messages_by_type,
        messages_over_time=facts.messages_over_time,
        checkpoints=facts.checkpoints,
        gaps=facts.gaps,
        unusable=facts.unusable,
        unusual_forms=facts.unusual_forms,
        problems=facts.findings[:PROBLEMS_TOLD],
        files=facts.files,
        exchange=run.exchange,
        program_version=PROGRAM_VERSION,
    )


def write_sample_results(data_root: Path, reports_root: Path, manifest: SampleManifest) -> tuple[Path, Path]:
    """Write manifest, report and its picture, each in place of the one before; gives the paths of the first two.

    Raises ArchiveError naming the file that cannot be written.
    """
    manifest_path, report_path = data_root / MANIFEST_PATH, reports_root / REPORT_PATH
    picture_path = report_path.with_name(PICTURE_NAME)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    drawn = sample_picture(data_root, manifest)
    report = report_text(manifest, picture=PICTURE_NAME if drawn else "")
    for path, data in (
        (manifest_path, text),
        (picture_path, (drawn or "").encode()),
        (report_path, report.encode()),
    ):
        try:
            if data:
                write_atomically(path, data)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ArchiveError(f"{path}: cannot be written ({error.strerror})") from error
    return manifest_path, report_path


def _counts(facts: SampleFacts) -> dict[str, int]:
    return {
        "rows": facts.rows,
        "messages": facts.messages,
        "market_messages": facts.market_messages,
        "events": facts.events,
        "unusable_events": sum(each.events for each in facts.unusable),
        "sessions": facts.sessions,
        "gaps": len(facts.gaps),
        "unreadable_lines": facts.unreadable_lines,
        "wrong_rows": facts.wrong_rows,
        "rest_checkpoints": len(facts.checkpoints),
        "rest_checkpoints_successful": sum(checkpoint.successful for checkpoint in facts.checkpoints),
    }
