"""REST books: what to ask, and what an answer must hold."""

from collections.abc import Iterator, Sequence

import msgspec

from common.core import http_words
from common.core.market import Token
from common.core.rows.rest import HttpAnswer

BOOKS_PATH = "/books"
_WORDS_BYTES = 4096  # what says why stands at the beginning of a body


class _Book(msgspec.Struct):
    asset_id: str


_BOOKS = msgspec.json.Decoder(list[_Book])


def books_body(tokens: Sequence[Token]) -> bytes:
    """The body of a POST /books."""
    return msgspec.json.encode([{"token_id": token.token_id} for token in tokens])


def portions(tokens: Sequence[Token], size: int) -> Iterator[Sequence[Token]]:
    """The tokens in runs of at most `size`."""
    for start in range(0, len(tokens), size):
        yield tokens[start : start + size]


def retry_after_s(answer: HttpAnswer) -> float:
    """How long the exchange asks to be left alone, in seconds, 0 if it does not; never more than five minutes."""
    return http_words.retry_after_s(answer.status_code, answer.headers)


def judge_books(answer: HttpAnswer, tokens: Sequence[Token]) -> tuple[str | None, tuple[str, ...]]:
    """What is wrong with an answer, as a message, or None; and which tokens it leaves out.

    A 200 answer may hold an error body, and leaves out unknown and closed tokens silently.
    """
    asked = [token.token_id for token in tokens]
    if answer.status_code != 200:
        return f"answered {_words(answer)}", tuple(asked)
    try:
        books = _BOOKS.decode(answer.body)
    except msgspec.DecodeError:
        words = _words(answer).removeprefix("HTTP 200")
        return f"answered 200 with a body that is not an array of books{words}", tuple(asked)
    answered = {book.asset_id for book in books}
    return None, tuple(token_id for token_id in asked if token_id not in answered)


def _words(answer: HttpAnswer) -> str:
    return http_words.http_words(answer.status_code, answer.headers, answer.body[:_WORDS_BYTES])
