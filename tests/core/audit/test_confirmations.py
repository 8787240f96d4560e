from common.core.audit.confirmations import Confirmations, Confirmed


def test_a_session_is_confirmed_as_far_as_the_book_that_was_confirmed_least() -> None:
    known = Confirmations()
    for token in "ab":
        known.shown("r", "s1", token)
    known.agreed("r", "s1", "a", 10)
    assert known.confirmed == {}
    known.agreed("r", "s1", "b", 20)
    assert known.confirmed == {"r": Confirmed("s1", 10)}
    known.agreed("r", "s1", "a", 5)
    known.agreed("r", "s0", "a", 90)
    known.left_out("a")
    assert known.confirmed == {"r": Confirmed("s1", 20)}
    assert (known.until_ns("r", "b"), known.until_ns("r", "a"), known.until_ns("x", "b")) == (20, 0, 0)


def test_a_new_session_and_void_books_begin_again() -> None:
    known = Confirmations()
    known.shown("r", "s1", "a")
    known.agreed("r", "s1", "a", 10)
    known.shown("r", "s2", "a")
    assert known.confirmed == {}
    known.agreed("r", "s2", "a", 30)
    known.shown("r", "s2", "b")
    known.dropped("r", "b")
    assert known.confirmed == {"r": Confirmed("s2", 30)}
    known.dropped("r", None)
    assert known.confirmed == {}
