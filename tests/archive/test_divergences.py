"""A change that was lost: the auditor's row says when that was found, the archives say which levels were wrong."""

import json
from pathlib import Path

import msgspec
import pytest

from common.archive.views.book_views import Recording, view_at, views
from common.archive.writing.store import LaneStore
from common.core.audit.divergence import Divergence
from common.core.books.snapshot import DifferingLevel
from common.core.rows.facts import facts_of
from common.core.rows.names import WS_RAW, Layout
from common.core.rows.origin import Origin
from common.core.rows.reading import row_of
from common.core.rows.websocket import DIVERGENCE, control_row
from common.core.views.markets_named import TokenChoice
from procs.commands.verify_archives import main as verify_archives
from tests.archive.markets import MS, PRODUCER, World, rows_of, world
from tests.archive.recordings import verified
from tests.archive.test_ledgers import ledgers
from tests.contexts import context_for

LOST = 16  # a change of the first world after which two hashes fail for longer than a second
AUDITOR = "book_auditor-20261123T120000Z-a1b2c3"


class Found:
    """Where the loss was found, before the next whole book."""

    def __init__(self, of: World) -> None:
        self.messages = [*of.messages[:LOST], *of.messages[LOST + 1 :]]
        whole = next(at for at, (_, each) in enumerate(self.messages) if at > LOST and b'"bids"' in each)
        self.shown_ns = (self.messages[whole][0] + 30) * MS
        self.token_id = str(json.loads(self.messages[whole][1])["asset_id"])
        self.divergence = Divergence(
            number=1,
            session_id="c1",
            token_id=self.token_id,
            check="hash",
            exchange_timestamp_ms=1_795_000_000_420,
        )

    def row(self) -> bytes:
        context = context_for(
            1, session_id="c1", connection_sequence=1, url="ws://x", subscription_revision=1, tokens=()
        )
        detail = msgspec.to_builtins(self.divergence)
        at_ns = self.shown_ns - 1
        given = {
            "origin": Origin(AUDITOR, leg="a"),
            "received_at_ns": at_ns,
            "received_monotonic_ns": at_ns,
            "detail": detail,
        }
        return control_row(DIVERGENCE, context, **given)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    root: Path = tmp_path_factory.mktemp("data")
    of = world(0)
    found = Found(of)
    store = LaneStore.open(root, 0, layout=Layout("runtime", rotation_interval_seconds=60), gzip_level=1)
    rows = [(PRODUCER, row) for row in rows_of(found.messages, of.tokens)]
    for producer, lines in ((PRODUCER, [row for _, row in rows]), (AUDITOR, [found.row()])):
        for number, row in enumerate(lines, start=1):
            line = row.rstrip(b"\n") + b"\n"
            store.append(WS_RAW, producer, number, line, facts_of(row_of(line)))
    store.close_all()
    store.close()
    return root, found


def test_verification_adds_the_levels_that_were_wrong_with_and_without_a_ledger(
    recorded: tuple[Path, Found], capsys: pytest.CaptureFixture[str]
) -> None:
    root, found = recorded
    before = verified(root)
    assert before.findings == ()
    of_row = [each for each in before.divergences if each.number]
    assert [(each.key, each.levels_from, each.differing_levels) for each in of_row] == [
        (found.divergence.key, "snapshot", 1)
    ]
    [ledger] = ledgers(root)
    assert ledger.sessions == 1, "the auditor's row is of no session of its own"
    assert ledger.divergences == len(before.divergences)
    after = verified(root)
    assert (after.findings, after.divergences) == ((), before.divergences)
    assert verify_archives(["--data-root", str(root)]) == 0
    [level] = of_row[0].levels
    words = (
        f"{level['side']} {level['price']}: {level['rebuilt']} rebuilt, {level['exchange']} at the exchange"
    )
    assert f"the book of token {found.token_id} diverged" in (shown := capsys.readouterr().out)
    assert words in shown


def test_replay_shows_the_divergence_and_with_the_next_whole_book_what_was_wrong(
    recorded: tuple[Path, Found],
) -> None:
    root, found = recorded
    choice = TokenChoice(found.token_id)
    wrong = view_at(Recording((root,)), choice, found.shown_ns - 1, levels=50)
    assert wrong.event.startswith("divergence  by hash")
    assert wrong.book
    [right] = [view for view in views(Recording((root,)), choice, levels=50) if view.differing]
    assert right.received_at_ns == found.shown_ns
    [level] = right.differing
    assert "the book had diverged" in right.event
    [of_row] = [each for each in verified(root).divergences if each.number]
    assert DifferingLevel(**of_row.levels[0]) == level
