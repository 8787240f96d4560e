import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from common.archive.views.book_views import Recording, view_at
from common.archive.writing.store import LaneStore
from common.core.page.book import LEVELS, BookQuestion
from common.core.rows.facts import facts_of
from common.core.rows.names import WS_RAW, Layout
from common.core.rows.reading import row_of
from common.core.views.markets_named import TokenChoice
from common.page.books import KEPT, Question, ReplayDesk, ReplayProcess
from common.page.replay import answer
from common.status.answers import Page, json_page
from tests.archive.legs import Hearing, a_world, record
from tests.archive.markets import MS, PRODUCER, World, rows_of
from tests.waiting import wait_for


def question(number: int) -> BookQuestion:
    return BookQuestion(str(number), 0, 10**9)


def answered(desk: ReplayDesk, asked: BookQuestion) -> Page:
    wait_for(lambda: desk.ask(asked).status != 202, what="the answer")
    return desk.ask(asked)


def test_one_replay_runs_at_a_time_and_the_others_wait_their_turn() -> None:
    running, go = [], threading.Event()

    def replay(asked: Question) -> Page:
        running.append(asked)
        assert go.wait(60)
        assert isinstance(asked, BookQuestion)
        return json_page(asked.token_id)

    desk = ReplayDesk(replay)
    assert [desk.ask(question(number)).status for number in (1, 2, 1)] == [202, 202, 202]
    wait_for(lambda: running, what="the first replay")
    assert running == [question(1)]
    go.set()
    assert answered(desk, question(1)).body == b'"1"\n'
    assert answered(desk, question(2)).body == b'"2"\n'
    assert running == [question(1), question(2)]


def test_answers_are_kept_but_not_without_a_bound() -> None:
    asked: list[Question] = []

    def replay(of: Question) -> Page:
        asked.append(of)
        return json_page("answer")

    desk = ReplayDesk(replay)
    for number in range(KEPT + 1):
        answered(desk, question(number))
    assert len(asked) == KEPT + 1
    answered(desk, question(KEPT))
    assert len(asked) == KEPT + 1
    answered(desk, question(0))
    assert len(asked) == KEPT + 2


def test_a_replay_in_a_process_of_its_own_answers_also_where_there_is_nothing(tmp_path: Path) -> None:
    page = ReplayProcess(tmp_path, limit_s=280)(question(7))
    assert page.status == 200, page.body
    document = msgspec.json.decode(page.body)
    assert (document["token"], document["recorded_until_utc"]) == (None, None)
    missing = ReplayProcess(tmp_path / "none", limit_s=280)(question(7))
    assert (missing.status, "there is no such" in missing.body.decode()) == (404, True)


def record_one_leg(root: Path, of: World) -> None:
    store = LaneStore.open(root, 0, layout=Layout("runtime", rotation_interval_seconds=60), gzip_level=1)
    for number, row in enumerate(rows_of(of.messages, of.tokens), start=1):
        line = row.rstrip(b"\n") + b"\n"
        store.append(WS_RAW, PRODUCER, number, line, facts_of(row_of(line)))
    store.close_all()
    store.close()


def record_two_legs(root: Path, of: World) -> None:
    middle = len(of.messages) // 2
    record(root, of, Hearing("a", outages=[(middle, middle + 40)]))
    record(root, of, Hearing("b", late_ms=35))


@pytest.mark.parametrize("recorded", [record_one_leg, record_two_legs])
def test_the_ladder_is_that_of_replay_book_at_the_same_instants(
    tmp_path: Path, recorded: Callable[[Path, World], None]
) -> None:
    of = a_world()
    recorded(tmp_path, of)
    token_id, first_ns, last_ns = (
        of.tokens[0].token_id,
        (of.messages[0][0] + 40) * MS,
        of.messages[-1][0] * MS,
    )
    asked = BookQuestion(token_id, first_ns, last_ns, frames=9)
    document = msgspec.json.decode(msgspec.json.encode(answer(tmp_path, asked)))
    for at_ns, frame in zip(asked.instants_ns, document["frames"], strict=True):
        view = view_at(Recording((tmp_path,)), TokenChoice(token_id), at_ns, levels=LEVELS)
        assert frame["book"]
        assert frame["bids"] == [list(level) for level in view.bids]
        assert frame["asks"] == [list(level) for level in view.asks]
        assert (frame["event"], frame["verdict"]) == (view.event, view.verdict)


def test_a_replay_that_takes_too_long_is_ended_and_says_so(tmp_path: Path) -> None:
    page = ReplayProcess(tmp_path, limit_s=0)(question(7))
    assert (page.status, "bin/replay-book" in page.body.decode()) == (503, True)
