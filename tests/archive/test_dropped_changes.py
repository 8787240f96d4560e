"""Each change of a healthy recording is dropped in turn: what is noticed, what heals, how long a book was wrong.

`DROPPED_CHANGES=all bin/run-tests tests/archive/test_dropped_changes.py -s` drops every one of three minutes, not a
few of some seconds, and prints the table that the page on auditing shows.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from statistics import median, quantiles

import pytest

from common.archive.ledger import HourAccount
from common.core.audit.connections import BookAudit
from common.core.ledger.document import FeedLedger, Window
from common.core.ledger.later import Later
from common.core.rows.names import WS_RAW
from common.core.rows.reading import row_of
from tests.archive.dropped import Dropped, Message, drop, hear, is_alarm, messages_of
from tests.archive.markets import MS, World, rows_of, world_of_both_protocols

WHOLE = os.environ.get("DROPPED_CHANGES") == "all"
FEW_SECONDS = 20
SECONDS = 180 if WHOLE else FEW_SECONDS
SAMPLE = 24
LAST_SECONDS = 6  # where nothing is dropped: a market's next change must come, fail, and have time to heal
EACH = 2  # of the drops of which ledgers are made
ROWS = {
    "divergence": "noticed: divergence",
    "healed": "noticed: healed by what followed, and counted",
    "unknown": "noticed: not checkable, or not known",
    "silent": "not noticed: set right before the next hash",
    "right": "book right all the time",
}


@pytest.fixture(scope="module")
def recorded() -> tuple[World, list[Message]]:
    of = world_of_both_protocols(0, SECONDS)
    return of, messages_of(of)


def drops(of: World, messages: Sequence[Message], *, whole: bool) -> Iterator[tuple[int, Dropped]]:
    """What comes of each change that is dropped, or of a few, in the order of their times."""
    until_ms = messages[-1].at_ms - LAST_SECONDS * 1000
    every = [each.number for each in messages if each.is_change and each.at_ms < until_ms]
    audit, heard = BookAudit(), 0
    for at in every if whole else sorted(Random(20261204).sample(every, SAMPLE)):
        for message in messages[heard:at]:
            hear(audit, message, message.number + 1)
        heard = at
        yield at, drop(audit, messages, at, of)


def table(found: Sequence[Dropped]) -> str:
    """What came of all drops, as the page on auditing shows it."""
    lines = [
        "| what came of the drop | drops | share | wrong, median | 95 % | longest |",
        "|---|---|---|---|---|---|",
    ]
    for outcome, words in ROWS.items():
        wrong = [each.wrong_ms for each in found if each.outcome == outcome]
        if not wrong:
            lines.append(f"| {words} | 0 | 0 % | | | |")
            continue
        late = quantiles(wrong, n=20, method="inclusive")[-1] if len(wrong) > 1 else wrong[0]
        figures = " | ".join(f"{each:,.0f} ms" for each in (median(wrong), late, max(wrong)))
        lines.append(f"| {words} | {len(wrong):,} | {100 * len(wrong) / len(found):.1f} % | {figures} |")
    return "\n".join(lines)


def test_nothing_is_said_against_a_recording_without_a_drop(recorded: tuple[World, list[Message]]) -> None:
    audit, results = BookAudit(), []
    for message in recorded[1]:
        results += hear(audit, message, message.number + 1)
    assert [each for each in results if is_alarm(each)] == []
    assert not list(audit.unknown_books())
    agreed = sum(each.verdict == "agree" for each in results)
    assert agreed > len(recorded[1])
    print(f"\nwithout a drop: {len(recorded[1]):,} messages, {agreed:,} checks agreed, 0 false alarms")


@pytest.mark.unmeasured(here=True)
def test_a_dropped_change_that_leaves_the_book_wrong_is_told(recorded: tuple[World, list[Message]]) -> None:
    of, messages = recorded
    found = dict(drops(of, messages, whole=WHOLE))
    size = f"{len(found):,} of {len(messages):,} messages in {SECONDS} s dropped in turn"
    print(f"\n{size}\n{table(list(found.values()))}")
    assert sum(each.false_alarms for each in found.values()) == 0
    assert {at: each for at, each in found.items() if each.untold_at_end or each.untold_hashes} == {}
    assert any(each.outcome == "divergence" for each in found.values())
    assert any(each.outcome == "healed" for each in found.values())


@pytest.mark.unmeasured(here=True)
def test_the_ledger_says_the_same_of_a_drop() -> None:
    of = world_of_both_protocols(0, FEW_SECONDS)
    messages, left = messages_of(of), Counter({"divergence": EACH, "healed": EACH})
    for at, each in drops(of, messages, whole=False):
        if not +left:
            break
        if not left[each.outcome]:
            continue
        left[each.outcome] -= 1
        tokens = ledger_without(of, at).tokens
        concerned = [token for token in tokens if token.token_id in messages[at].tokens]
        assert any(token.divergences for token in concerned) == (each.outcome == "divergence")
        assert all(token.wrong_batches for token in concerned)
        assert not any(token.wrong_batches for token in tokens if token not in concerned)
    assert not +left


def ledger_without(of: World, at: int) -> FeedLedger:
    """The ledger of the recording without one message."""
    messages = [*of.messages[:at], *of.messages[at + 1 :]]
    account = HourAccount(Window(messages[0][0] * MS - MS, messages[-1][0] * MS + 50 * MS))
    for line in rows_of(messages, of.tokens):
        account.take(WS_RAW, row_of(line))
    ledger = account.finish(Later(), (), ())[WS_RAW]
    assert isinstance(ledger, FeedLedger)
    return ledger
