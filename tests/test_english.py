"""Phrases that made readers stumble stay out of pages, texts that users see, docstrings and comments.

Each has a plain form: see "Plain English" in .github/CONTRIBUTING.md. Names, code and tests are not looked at.
"""

import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from tests.end_to_end.running import ROOT

PLAIN = {
    r"\bin words\b": "as a message; the reason",
    r"\banew\b": "again",
    r"\bwhoever\b": "anyone who, what, a reader",
    r"(?<!here\s)\b(?:is|was|are|were) no (?!longer\b|more\b|later\b|earlier\b|less\b|other\b|one\b)\w+": "not a",
    r"\blooks on\b": "an observer",
    r"\bbehind it\b": "after it",
    r"\bstands? in\b": "is in, are in",
    r"\bwhat is what\b": "name the thing",
    r"\bis to be had\b": "is available",
}
PHRASE = re.compile("|".join(f"(?:{pattern})" for pattern in PLAIN), re.IGNORECASE)
FOLDERS = ("common", "procs", "conf", "bin", ".github")
PAGES = [ROOT / "README.md", *(page for folder in FOLDERS for page in sorted((ROOT / folder).rglob("*.md")))]
SOURCES = [source for folder in ("common", "procs") for source in sorted((ROOT / folder).rglob("*.py"))]
SETTINGS = sorted((ROOT / "conf").glob("*.yaml"))
STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """The comments and strings of a program, with the line in which each begins."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or token.type in STRINGS:
            yield token.start[0], token.string


def stumbled(prose: Iterator[tuple[int, str]]) -> Iterator[str]:
    for line, text in prose:
        for found in PHRASE.finditer(text):
            yield f"{line + text[: found.start()].count(chr(10))}: {found.group()}"


def all_stumbled() -> Iterator[str]:
    for source in SOURCES:
        yield from (f"{source}:{each}" for each in stumbled(prose_of(source.read_text())))
    for page in [*PAGES, *SETTINGS]:
        text = re.sub(r'^\| ".*', "", page.read_text(), flags=re.MULTILINE)  # a row of phrases to avoid
        yield from (f"{page}:{each}" for each in stumbled(iter([(1, text)])))


def test_pages_messages_and_comments_speak_plain_english() -> None:
    assert "\n".join(all_stumbled()) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the error in words", True),
        ("which is no row", True),
        ("Whoever dies in between", True),
        ("it is no longer there, and there is no other", False),
        ("a word in wordsmith, a stand-in", False),
    ],
)
def test_the_phrases_are_told_from_usual_english(text: str, found: bool) -> None:  # noqa: FBT001
    assert bool(PHRASE.search(text)) is found
