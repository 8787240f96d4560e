from common.core.market import Token
from common.core.page.book import BookQuestion, book_document, frames_at
from common.core.views.book_view import BookView

TOKEN = Token("btc-5m-1796108400", "0xabc", "7", "Up", "")


def view(at_ns: int, bid: str = "0.41", *, book: bool = True) -> BookView:
    levels = ((bid, "10"),) if book else ()
    return BookView(TOKEN, 1, at_ns, "book", "agree", "live", book=book, bids=levels, asks=(("0.45", "9"),))


def test_each_instant_shows_the_newest_book_by_then() -> None:
    views = [view(10), view(20, "0.42"), view(21, "0.43"), view(90, "0.44")]
    frames = list(frames_at(views, [0, 10, 25, 50]))
    assert frames == [None, views[0], views[2], views[2]]


def test_the_answer_has_a_mid_price_and_says_nothing_of_what_is_not_in_archives_yet() -> None:
    question = BookQuestion("7", 0, 30, frames=4)
    assert question.instants_ns == [0, 10, 20, 30]
    frames = [None, view(5), view(15, book=False), view(15)]
    answer = book_document(frames, question, recorded_until_ns=25)
    assert [frame["mid"] for frame in answer["frames"]] == [None, 0.43, None, None]
    assert [frame["book"] for frame in answer["frames"]] == [False, True, False, False]
    assert answer["token"] == TOKEN
    nothing = book_document([None] * 4, question, recorded_until_ns=0)
    assert (nothing["token"], nothing["recorded_until_utc"]) == (None, None)
