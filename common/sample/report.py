"""The sample's report: Markdown that tells a newcomer what was recorded, whether it is sound, what next."""

import re
import shlex
import statistics

from common.core.events.kinds import MEANINGS
from common.core.instants import NS_PER_SECOND, utc_text
from common.core.rows.names import REST_CHECKPOINTS, WS_RAW
from common.core.sample.account import CheckpointFacts, SampleManifest
from common.core.sample.gate import PASS
from common.sample.markdown import bars, code, escaped, size_text, table

_MOST_CHECKPOINTS = 20
_MOST_TYPES = 20
_MOST_TOKENS = 40
_MESSAGES_BY_TYPE = (
    "select unnest(classified_event_types) as type, count(*) as messages,"
    " min(received_at_utc) as first, max(received_at_utc) as last from ROWS"
    " group by type order by messages desc"
)


def report_text(manifest: SampleManifest, *, picture: str = "") -> str:
    """The whole report; `picture` is the file name of the one beside it, empty where there is none."""
    lines = [
        *_verdict(manifest),
        *_markets(manifest),
        *_messages(manifest, picture),
        *_left_out(manifest),
        *_checkpoints(manifest.checkpoints),
        *_files(manifest),
        *_how_to_look(manifest),
        "## What next",
        "",
        *code([manifest.next_command], "sh"),
    ]
    return "\n".join(lines)


def _verdict(manifest: SampleManifest) -> list[str]:
    passed = manifest.verdict == PASS
    whose = "the embedded exchange's" if manifest.exchange == "simulated" else "Polymarket's"
    lines = [f"# Sample of {whose} order books: {'pass' if passed else 'needs review'}", ""]
    lines += [f"**`{manifest.verdict}`**", ""]
    if manifest.exchange == "simulated":
        lines += [
            "**Recorded from the embedded exchange: simulated data.** Nothing here was ever traded.",
            "",
        ]
    if passed:
        lines.append(
            "Both outputs were read back from disk line by line: every payload gives its checksum, and the"
            " sequence numbers are whole, so no message is missing or doubled."
        )
    else:
        lines.append("A person should look at this sample before anyone relies on it. Why, and what to type:")
    lines.append("")
    for number, reason in enumerate(manifest.reasons, start=1):
        lines += [f"{number}. {escaped(reason.words)}", "", *code([reason.next_command], "sh")]
    span = f"from {manifest.started_at_utc} to {manifest.ended_at_utc}"
    asked = f"{manifest.duration_seconds:g} seconds asked for"
    program = f"recorded and judged by version {escaped(manifest.program_version)}"
    return [*lines, f"Run {escaped(manifest.run_id)}, {span} ({asked}), {program}.", ""]


def _markets(manifest: SampleManifest) -> list[str]:
    rows = [
        (escaped(market.slug), escaped(token.outcome), escaped(market.end_time_utc), escaped(token.token_id))
        for market in manifest.markets
        for token in market.tokens
    ]
    lines = ["## Markets and tokens", ""]
    if not rows:
        return [*lines, "None was selected.", ""]
    lines += table(("market", "outcome", "window ends", "token"), rows[:_MOST_TOKENS])
    return lines + _and_more(len(rows) - _MOST_TOKENS, "tokens")


def _messages(manifest: SampleManifest, picture: str) -> list[str]:
    lines = ["## Messages by type", ""]
    kinds = list(manifest.messages_by_type.items())
    if not kinds:
        return [*lines, "No message arrived.", ""]
    lines += table(
        ("type", "messages", "what it is"),
        (
            (escaped(kind), f"{count:,}", MEANINGS.get(kind, "not known to this version; kept anyway"))
            for kind, count in kinds[:_MOST_TYPES]
        ),
    )
    lines += _and_more(len(kinds) - _MOST_TYPES, "types")
    counts = manifest.counts
    where = f"in {counts['sessions']} session(s), {counts['gaps']} declared gap(s)"
    held = f"{counts['messages']:,} messages {where}."
    lines += [held, "A message that holds several events counts once for each type.", ""]
    chart = manifest.messages_over_time
    every = "second" if chart.seconds_per_bar == 1 else f"{chart.seconds_per_bar} seconds"
    labelled = [
        (_clock(chart.first_second + bar * chart.seconds_per_bar), count)
        for bar, count in enumerate(chart.counts)
    ]
    lines += ["## Messages over time", ""]
    if picture:
        lines += [f"![Messages a second by leg, and mid prices, over the sample]({picture})", ""]
    return [*lines, f"One bar for each {every}, UTC.", "", *code(bars(labelled))]


def _left_out(manifest: SampleManifest) -> list[str]:
    """What cannot be read, and what was read from an unusual form; nothing where there is none."""
    lines: list[str] = []
    if manifest.unusable:
        rows = (
            (escaped(each.reason), f"{each.events:,}", escaped(each.example)) for each in manifest.unusable
        )
        lines += ["## What cannot be read", "", *table(("what", "events", "the first one"), rows)]
    if manifest.unusual_forms:
        forms = ((escaped(form), f"{count:,}") for form, count in sorted(manifest.unusual_forms.items()))
        lines += ["## Read from unusual forms", "", *table(("form", "events"), forms)]
    return lines


def _checkpoints(checkpoints: tuple[CheckpointFacts, ...]) -> list[str]:
    lines = ["## REST checkpoints", ""]
    if not checkpoints:
        return [*lines, "None was made.", ""]
    good = sum(checkpoint.successful for checkpoint in checkpoints)
    lines.append(f"{good} of {len(checkpoints)} succeeded.")
    latencies = [checkpoint.elapsed_ms for checkpoint in checkpoints if checkpoint.elapsed_ms is not None]
    if latencies:
        lines[-1] += (
            f" Latency: {min(latencies):.0f} ms at best, {statistics.median(latencies):.0f} ms median,"
            f" {max(latencies):.0f} ms at worst."
        )
    rows = (
        (
            str(checkpoint.checkpoint_sequence),
            checkpoint.received_at_utc,
            "none" if checkpoint.status_code is None else str(checkpoint.status_code),
            "" if checkpoint.elapsed_ms is None else f"{checkpoint.elapsed_ms:.0f}",
            str(checkpoint.books),
            str(checkpoint.missing_tokens),
            escaped(checkpoint.error or ""),
        )
        for checkpoint in checkpoints[:_MOST_CHECKPOINTS]
    )
    header = ("#", "received", "status", "ms", "books", "tokens without a book", "error")
    return [*lines, "", *table(header, rows), *_and_more(len(checkpoints) - _MOST_CHECKPOINTS, "checkpoints")]


def _files(manifest: SampleManifest) -> list[str]:
    rows = (
        (file.stream.replace("_", "\\_"), f"{file.rows:,}", size_text(file.bytes), f"`{file.sha256}`")
        for file in manifest.files
    )
    lines = ["## Files", "", *table(("output", "rows", "size", "sha256"), rows)]
    if manifest.files:
        lines += code([_place(manifest, file.path) for file in manifest.files])
    lines += [f"- {escaped(problem)}" for problem in manifest.problems]
    return [*lines, ""] if manifest.problems else lines


def _how_to_look(manifest: SampleManifest) -> list[str]:
    paths = {file.stream: _place(manifest, file.path) for file in reversed(manifest.files)}
    if not paths:
        return []
    lines = ["## How to look into them", "", "One JSON object a line, gzip. The first row, laid out:", ""]
    first = paths.get(WS_RAW) or paths[REST_CHECKPOINTS]
    lines += code([f"zcat {shlex.quote(first)} | head -n 1 | python3 -m json.tool"], "sh")
    if WS_RAW in paths:
        columns = "columns={received_at_utc: 'TIMESTAMP', classified_event_types: 'VARCHAR[]'}"
        literal = paths[WS_RAW].replace("'", "''")
        rows = f"read_json('{literal}', format='newline_delimited', {columns})"
        query = _MESSAGES_BY_TYPE.replace("ROWS", rows, 1)
        lines += ["With [DuckDB](https://duckdb.org), messages by type:", ""]
        lines += code([f"duckdb -c {_quoted(query)}"], "sh")
    return lines


def _place(manifest: SampleManifest, path: str) -> str:
    return f"{manifest.data_root.rstrip('/')}/{path}"


def _quoted(text: str) -> str:
    """In double quotes where they are safe, for they read better around SQL."""
    return shlex.quote(text) if re.search(r'["$`\\!]', text) else f'"{text}"'


def _and_more(count: int, what: str) -> list[str]:
    return [f"... and {count} more {what}.", ""] if count > 0 else []


def _clock(epoch_second: int) -> str:
    return utc_text(epoch_second * NS_PER_SECOND)[11:19]
