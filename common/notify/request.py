"""One bounded request to a URL that may hold a secret: no message of it ever names more than the host."""

from urllib.parse import unquote, urlsplit

import msgspec

from common.core.http_words import retry_after_s
from common.errors import ExchangeError
from common.polymarket.http import fetch, open_session

TIMEOUT_S = 10.0
FOR_GOOD = range(400, 500)  # the receiver refuses it, and would again
NOT_FOR_GOOD = frozenset({408, 425, 429})


class Outcome(msgspec.Struct, frozen=True):
    """What came of a request. `reason` is empty where it went; `for_good`: the same request cannot succeed."""

    reason: str = ""
    for_good: bool = False
    retry_after_s: float = 0.0


def ask(
    method: str, url: str, *, body: bytes | None = None, ca_file: str = "", timeout_s: float = TIMEOUT_S
) -> Outcome:
    """Done within `timeout_s` whatever the other side does. Redirects are not followed: they count as a refusal."""
    host = urlsplit(url).hostname or "?"
    try:
        session = open_session(ca_file=ca_file)
        try:
            answer = fetch(session, method, url, body=body, timeout_s=timeout_s)
        finally:
            session.close()
    except ExchangeError as error:
        return Outcome(without_secrets(str(error), url))
    status = answer.status_code
    if status in range(200, 300):
        return Outcome()
    for_good = status in range(300, 400) or (status in FOR_GOOD and status not in NOT_FOR_GOOD)
    return Outcome(f"{host} answered HTTP {status}", for_good, retry_after_s(status, answer.headers))


def without_secrets(words: str, url: str) -> str:
    """The words without what follows the host in the URL, however an error message wrote it."""
    parts = urlsplit(url)
    below = url.partition(parts.netloc)[2]
    secrets = {url, below, parts.path, parts.query, parts.fragment}
    for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
        if len(secret) > 1:
            words = words.replace(secret, "/...")
    return words
