"""The gate of the sample: pass, or every reason why a person must look, with the next command to type."""

import shlex
from collections.abc import Mapping

from common.core.market import Market
from common.core.rows.names import BOOK_STREAMS
from common.core.sample.account import Reason, SampleFacts, SampleRun

PASS = "WS_RAW_SAMPLE_PASS"  # noqa: S105  (a verdict, no secret)
NEEDS_REVIEW = "WS_RAW_SAMPLE_NEEDS_REVIEW"

CHECKPOINTS_NEEDED = 2
FINDINGS_NAMED = 5
UNUSABLE_SHARE = 0.01  # of all events: more and what the sample says of the markets is not to be relied on
TRY_OFFLINE = "bin/record-sample --exchange simulated --duration-seconds 30"


def judge(facts: SampleFacts, run: SampleRun, data_root: str) -> tuple[str, tuple[Reason, ...]]:
    """The verdict and its reasons, none for a pass. `data_root` is as the user types it."""
    reasons = (
        *(Reason(_sentence(reason.words), reason.next_command) for reason in run.reasons),
        *_about_markets(run),
        *_about_outputs(facts, run, data_root),
        *_about_messages(facts, run),
        *_about_reading(facts, data_root),
        *_about_checkpoints(facts, run),
        *_about_gaps(facts, data_root),
    )
    return (NEEDS_REVIEW if reasons else PASS), reasons


def is_complete_market(market: Market) -> bool:
    """A Bitcoin market, or one that the settings name, whose two outcome tokens are known and distinct."""
    names = (market.series, market.slug)
    is_wanted = any(word in name.lower() for name in names for word in ("btc", "bitcoin"))
    is_wanted = is_wanted or bool(market.selected_by)
    return is_wanted and len({token.token_id for token in market.tokens if token.token_id}) >= 2


def _about_markets(run: SampleRun) -> list[Reason]:
    if any(is_complete_market(market) for market in run.markets):
        return []
    words = "No BTC market with both outcome tokens was selected; bin/discover-markets gives the reason."
    return [Reason(words, "bin/discover-markets")]


def _about_outputs(facts: SampleFacts, run: SampleRun, data_root: str) -> list[Reason]:
    reasons = [
        Reason(f"There is no closed {stream} archive: nothing of that kind was written.", TRY_OFFLINE)
        for stream in BOOK_STREAMS
        if not any(file.stream == stream for file in facts.files)
    ]
    reasons += [
        Reason(f"{path} was not closed.", f"ls -la {_typed(data_root, path)}") for path in facts.unclosed
    ]
    others = sum(count for exchange, count in facts.rows_of_exchange.items() if exchange != run.exchange)
    if others:
        words = (
            f"{_counted(others, 'row')} of another exchange than the {run.exchange} one that was recorded."
        )
        reasons.append(Reason(words, run.command))
    if facts.findings:
        found = _counted(len(facts.findings), "finding")
        words = f"{found} in what was read back from disk: {'; '.join(facts.findings[:FINDINGS_NAMED])}."
        reasons.append(Reason(words, f"bin/verify-archives --data-root {shlex.quote(data_root)}"))
    return reasons


def _about_messages(facts: SampleFacts, run: SampleRun) -> list[Reason]:
    if facts.market_messages:
        return []
    in_all = _counted(facts.messages, "message")
    words = (
        f"No market message arrived that parses ({in_all} in all; a PONG is none)."
        " The markets may have ended, or the feed was silent."
    )
    return [Reason(words, run.command)]


def _about_reading(facts: SampleFacts, data_root: str) -> list[Reason]:
    unusable = sum(each.events for each in facts.unusable)
    in_all = unusable + facts.events
    if unusable <= UNUSABLE_SHARE * in_all:
        return []
    most = max(facts.unusable, key=lambda each: each.events)
    words = (
        f"{unusable:,} of {_counted(in_all, 'event')} cannot be read: the books are not known after them."
        f" Most often {most.reason}; an example: {most.example}."
    )
    folder = shlex.quote(data_root)
    return [Reason(words, f"bin/export-parquet --data-root {folder} --output left_out --tables left_out")]


def _about_checkpoints(facts: SampleFacts, run: SampleRun) -> list[Reason]:
    successful = sum(checkpoint.successful for checkpoint in facts.checkpoints)
    if successful >= CHECKPOINTS_NEEDED:
        return []
    asked = len(facts.checkpoints)
    words = f"{successful} of {asked} REST checkpoints succeeded; {CHECKPOINTS_NEEDED} are needed."
    failures = [checkpoint for checkpoint in facts.checkpoints if not checkpoint.successful]
    if failures:
        last = failures[-1]
        words += f" The last failure: {last.error or f'status {last.status_code}'}."
        return [Reason(words, run.command)]
    longer = {"--rest-checkpoint-interval-seconds": "10", "--duration-seconds": "60"}
    return [Reason(words, _with_options(run.command, longer))]


def _about_gaps(facts: SampleFacts, data_root: str) -> list[Reason]:
    if not facts.gaps:
        return []
    causes = ", ".join(sorted({str(gap.get("cause", "unknown")) for gap in facts.gaps}))
    gaps = _counted(len(facts.gaps), "declared gap")
    words = f"{gaps}: messages may be missing there. Causes: {causes}."
    paths = _typed(data_root, *(file.path for file in facts.files))
    return [Reason(words, f"""zcat {paths} | grep '"record_type":"gap"'""")]


def _with_options(command: str, options: Mapping[str, str]) -> str:
    """The command with these options, whether or not it had them with other values."""
    words = shlex.split(command)
    for option, value in options.items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    return shlex.join(words)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _typed(data_root: str, *paths: str) -> str:
    return " ".join(shlex.quote(f"{data_root}/{path}") for path in paths)


def _sentence(words: str) -> str:
    """A run's own reason as it stands; it may begin with a host's name, but ends like a sentence."""
    return words if words.endswith((".", "!", "?")) else words + "."
