import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from common.core.audit.account import AuditAccount
from common.core.audit.books_shown import NO_BOOKS
from common.core.page.live import LiveAnswer, LiveQuestion
from common.core.page.prices import NO_ANSWER
from common.page.live import LiveView
from common.page.live_books import SOCKET_NAME, LiveBooks, LiveBooksServer
from common.page.live_desk import OBSERVED_FOR_NS, LiveDesk
from tests.core.audit.test_checks import TOKEN
from tests.core.audit.test_live import Feed
from tests.waiting import wait_for

QUESTION = LiveQuestion((TOKEN, "8"), ("0xabc",), TOKEN)


class Auditing:
    """A feed and the auditor's end of the page's questions, answered in a thread of its own."""

    def __init__(self, run_dir: Path) -> None:
        self.feed, self.account = Feed(), AuditAccount(NO_BOOKS, (), 0)
        self.account.take(self.feed.audit.take_results())
        self.desk = LiveDesk(run_dir, self.feed.audit, self.account)
        self.books = LiveBooks(run_dir)
        self.now_ns = 0
        self.rests = False

    def ask(self, question: LiveQuestion = QUESTION) -> LiveAnswer:
        answers: list[LiveAnswer | None] = []
        asking = threading.Thread(target=lambda: answers.append(self.books.ask(question, patience_s=60)))
        asking.start()
        while asking.is_alive():
            self.desk.attend(self.now_ns, rests=self.rests)
        asking.join()
        assert answers[0] is not None
        return answers[0]


@contextmanager
def auditing(run_dir: Path) -> Iterator[Auditing]:
    here = Auditing(run_dir)
    try:
        yield here
    finally:
        here.books.close()
        here.desk.close()


def test_the_auditor_answers_with_its_own_book_and_what_its_hash_said(short_folder: Path) -> None:
    with auditing(short_folder) as here:
        answer = here.ask()
        assert answer.ladder is not None
        assert answer.ladder.bids == (("0.42", "10"), ("0.4", "5"))
        assert answer.ladder.asks == (("0.44", "7"),)
        assert answer.ladder.received_at_ns == here.feed.now_ms * 1_000_000
        token = answer.tokens[TOKEN]
        assert (token.book, token.best_bid, token.best_ask) == (True, "0.42", "0.44")
        assert token.checked is not None
        assert token.checked.verdict == "agree"
        assert (answer.tokens["8"].book, answer.tokens["8"].checked) == (False, None)
        here.feed.change("12")
        assert here.ask().ladder is not None
        here.feed.audit.void()
        assert (here.ask().ladder, here.ask().tokens[TOKEN].book) == (None, False)


def test_messages_are_observed_only_while_somebody_asks(short_folder: Path) -> None:
    with auditing(short_folder) as here:
        here.desk.attend(here.now_ns, rests=False)
        assert here.feed.audit.observed is None
        assert here.ask().lags == {}
        here.feed.change("13")
        lag = here.ask().lags["a"]
        assert (lag.messages, lag.p50_ms) == (1, 0.0)
        here.now_ns += OBSERVED_FOR_NS + 1
        here.desk.attend(here.now_ns, rests=False)
        assert here.feed.audit.observed is None


def test_a_socket_whose_file_is_gone_is_bound_again(short_folder: Path) -> None:
    with auditing(short_folder) as here:
        (short_folder / SOCKET_NAME).unlink()
        here.now_ns += 2_000_000_000
        assert here.ask().ladder is not None


def test_what_is_not_a_question_is_left_alone(short_folder: Path) -> None:
    server = LiveBooksServer(short_folder)
    with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
        asker.connect(f"ipc://{short_folder / SOCKET_NAME}")
        for frames in ([b""], [b"\xff" * 90], [b"", b"", b"\xc1"]):
            asker.send_multipart(frames)
        books = LiveBooks(short_folder)
        done: list[LiveAnswer | None] = []
        asking = threading.Thread(target=lambda: done.append(books.ask(LiveQuestion(), patience_s=60)))
        asking.start()
        wait_for(lambda: server.answer(lambda _: LiveAnswer(rests=True)), what="a question")
        asking.join()
        assert done == [LiveAnswer(rests=True)]
        books.close()
    server.close()


def test_without_an_auditor_the_page_says_so_and_asks_again(short_folder: Path) -> None:
    view = LiveView(short_folder)
    assert view.lags() == []
    shown = view.ladder(TOKEN, [])
    assert (shown["book"], shown["why"]) == (None, NO_ANSWER)
    view.close()
    assert view.lags() == []
