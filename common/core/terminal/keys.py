"""What was pressed on a terminal's keyboard, key by key."""

import re

_KEY = re.compile(r"\x1b[\[O]([A-D])|\x1b\[[0-9;]*[~A-Za-z]|(.)", re.DOTALL)
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}


def keys_of(pressed: str) -> list[str]:
    """Each key of a burst: `up`, `down`, `left`, `right`, or the character. Other escape sequences are left out."""
    found = []
    for match in _KEY.finditer(pressed):
        arrow, character = match.groups()
        key = _ARROWS[arrow] if arrow else character
        if key:
            found.append(key)
    return found
