"""Reads a Markdown page as the tests that hold it to the code need it: sections, tables, fenced blocks."""

import re
from pathlib import Path


def headings(page: Path) -> list[str]:
    """The titles of a page, outside of fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.*)$", text, re.MULTILINE)


def slug_of(title: str) -> str:
    """The anchor of a title."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def section_of(page: Path, title: str) -> str:
    """What stands below a heading, up to the next heading of the same or a higher level."""
    inside, level, taken = False, 0, []
    fenced = False
    for line in page.read_text().splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else re.fullmatch(r"(#+) (.*)", line)
        if heading and inside and len(heading[1]) <= level:
            break
        if heading and heading[2] == title:
            inside, level = True, len(heading[1])
        elif inside:
            taken.append(line)
    assert taken, f"{page.name} has no section {title!r}"
    return "\n".join(taken)


def tables(text: str) -> list[list[list[str]]]:
    """Each table's rows of cells, without its header."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if not before.startswith("|"):
                found.append([])
            elif set(line) - set("|-"):
                found[-1].append(cells)
        before = line
    return found


def ticked(text: str) -> list[str]:
    """Everything in backticks."""
    return re.findall(r"`([^`]+)`", text)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
