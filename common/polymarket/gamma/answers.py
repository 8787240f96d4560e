"""One answer of Gamma: whether it can be used, what it holds, and when to ask again where it cannot."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

from common.core.http_words import http_words
from common.core.instants import NS_PER_SECOND
from common.core.json_splice import splice
from common.core.rows.rest import HttpAnswer

RETRY_PAUSE_S = 0.5
_LONGEST_RETRY_PAUSE_S = 5.0
_WORDS_BYTES = 4096  # what says why stands at the beginning of a body
_NOT_THERE = frozenset({400, 404, 405, 410, 422})  # an exchange without this question, or without this object


class BadAnswerError(Exception):
    """One answer did not come or cannot be used; `retry_after_s` is how long to wait before the next try."""

    def __init__(self, reason: str, retry_after_s: float = RETRY_PAUSE_S) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


def document_of(answer: HttpAnswer, host: str) -> Any | None:  # noqa: ANN401 - foreign data
    """The object or list that it holds; None where the exchange has none. Raises BadAnswerError."""
    if answer.status_code in _NOT_THERE:
        return None
    if answer.status_code != 200:
        words = http_words(answer.status_code, answer.headers, answer.body[:_WORDS_BYTES])
        raise BadAnswerError(f"{host} answered {words}", _retry_after(answer))
    return _decoded(answer, host)


def answered_at_ns(answer: HttpAnswer) -> int | None:
    """The host's clock when it answered: what a cache kept for a while is that much older than its date."""
    try:
        sent = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return None
    age = answer.headers.get("age", "0")
    kept_s = int(age) if age.isdecimal() and len(age) < 9 else 0
    return (
        int(sent.timestamp()) + kept_s
    ) * NS_PER_SECOND + NS_PER_SECOND // 2  # a date is cut to the second


def _decoded(answer: HttpAnswer, host: str) -> Any:  # noqa: ANN401 - foreign data
    spliced = splice(answer.body)
    if spliced.value is None:
        raise BadAnswerError(f"{host} answered what is not JSON: {spliced.error}")
    try:
        document = json.loads(spliced.value)
    except ValueError as error:  # a number of thousands of digits
        raise BadAnswerError(f"{host} answered what is not JSON: {error}") from error
    if not isinstance(document, dict | list):
        raise BadAnswerError(f"{host} answered neither an object nor a list")
    return document


def _retry_after(answer: HttpAnswer) -> float:
    wanted = answer.headers.get("retry-after", "")
    if not wanted.isascii() or not wanted.isdigit():
        return RETRY_PAUSE_S
    return min(float(wanted[:9]), _LONGEST_RETRY_PAUSE_S)
