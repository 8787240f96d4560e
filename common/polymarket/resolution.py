"""Questions about the outcomes of windows and about markets' metadata: what to ask where, and what an answer says."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from common.core import http_words
from common.core.market import Token, canonical_condition_id
from common.core.resolution.answers import (
    MOST_CONDITIONS,
    Source,
    gamma_object,
    told_by_data_api,
    told_by_gamma,
)
from common.core.resolution.watch import Waiting
from common.core.rows.rest import HttpAnswer

RESOLUTIONS_PATH = "/v2/resolutions"
MARKET_PATH = "/markets/slug/"
_WORDS_BYTES = 4096
_NOT_FOUND = 404


class Question(msgspec.Struct, frozen=True):
    """One request; `of_metadata` where it is about that and not about an outcome."""

    source: Source
    url: str
    asked: tuple[Waiting, ...]
    of_metadata: bool = False

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens of the markets that it is about."""
        return tuple(
            Token(each.slug, each.condition_id, token_id, outcome, each.end_utc, each.protocol)
            for each in self.asked
            for token_id, outcome in zip(each.token_ids, each.outcomes, strict=True)
        )


class Judged(msgspec.Struct, frozen=True):
    """What an answer says: an outcome by slug, "" where there is none yet, nothing of what it does not mention.

    `error` is what was wrong with it, or None. `market` is Gamma's object. `host_failed`: others get no answer either.
    """

    winners: Mapping[str, str] = {}
    error: str | None = None
    host_failed: bool = False
    market: Mapping[str, Any] | None = None


def ask_gamma(url: str, market: Waiting, *, of_metadata: bool = False) -> Question:
    """A market by its slug, whatever its state."""
    where = f"{url.rstrip('/')}{MARKET_PATH}{quote(market.slug, safe='')}"
    return Question("gamma", where, (market,), of_metadata)


def ask_data_api(url: str, due: Sequence[Waiting]) -> Question:
    """As many of the conditions as it takes at once, in the form of 32 bytes, which alone it understands."""
    asked = tuple(due[:MOST_CONDITIONS])
    conditions = ",".join(canonical_condition_id(each.condition_id) for each in asked)
    return Question("data_api", f"{url.rstrip('/')}{RESOLUTIONS_PATH}?condition={conditions}", asked)


def judge(question: Question, answer: HttpAnswer) -> Judged:
    """What an answer says of the markets that were asked about."""
    if answer.status_code != 200:
        words = http_words.http_words(answer.status_code, answer.headers, answer.body[:_WORDS_BYTES])
        return Judged(error=f"answered {words}", host_failed=answer.status_code != _NOT_FOUND)
    return (
        _of_gamma(question, answer.body)
        if question.source == "gamma"
        else _of_data_api(question, answer.body)
    )


def _of_gamma(question: Question, body: bytes) -> Judged:
    market = gamma_object(body)
    if market is None:
        return Judged(error="answered 200 with a body that is not a market", host_failed=True)
    told = told_by_gamma(market)
    return Judged({each.slug: told.winner if told else "" for each in question.asked}, market=market)


def _of_data_api(question: Question, body: bytes) -> Judged:
    outcomes = {canonical_condition_id(each.condition_id): each.outcomes for each in question.asked}
    told = told_by_data_api(body, outcomes)
    if told is None:
        return Judged(error="answered 200 with a body that is not a list of resolutions", host_failed=True)
    by_slug = {each.slug: told.get(canonical_condition_id(each.condition_id)) for each in question.asked}
    return Judged({slug: each.winner if each else "" for slug, each in by_slug.items()})
