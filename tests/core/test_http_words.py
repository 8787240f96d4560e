import pytest

from common.core.http_words import MAX_RETRY_AFTER_S, http_words, retry_after_s


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (403, {}, b"", "HTTP 403"),
        (403, {"server": "cloudflare", "cf-ray": "1-FRA"}, b"not yours", "HTTP 403"),
        (403, {}, b"error code: 1010", "HTTP 403, blocked by Cloudflare (error code 1010, cf-ray unknown): "),
        (403, {"cf-mitigated": "challenge", "cf-ray": "1-FRA"}, b"", "(a challenge page, cf-ray 1-FRA)"),
        (407, {}, b"", "HTTP 407: the proxy wants a user name and a password"),
        (307, {"location": "https://x/" + "y" * 900}, b"", "HTTP 307, a redirect to https://x/y"),
        (
            502,
            {},
            b"<HTML><TITLE lang=x> Bad\x00gateway </TITLE>",
            "HTTP 502, a page with the title 'Bad?gateway'",
        ),
        (200, {}, b"<title>cut off her", "HTTP 200, a page with the title 'cut off her'"),
    ],
)
def test_an_answer_says_what_happened(status: int, headers: dict[str, str], body: bytes, words: str) -> None:
    told = http_words(status, headers, body)
    assert words in told
    assert len(told) < 400
    assert told.isprintable()


@pytest.mark.parametrize("asked", ["9" * 5000, "99999"])
def test_nobody_is_left_alone_for_longer_than_five_minutes(asked: str) -> None:
    assert retry_after_s(425, {"retry-after": asked}) == MAX_RETRY_AFTER_S


@pytest.mark.parametrize("asked", ["", "-5", "1.5", "\u0661", "Mon", "Sun, 29 Nov 2026 10:00:09"])
def test_what_is_no_time_is_no_wait(asked: str) -> None:
    headers = {"retry-after": asked, "date": "Sun, 29 Nov 2026 10:00:00 GMT"}
    assert retry_after_s(429, headers) == 0
