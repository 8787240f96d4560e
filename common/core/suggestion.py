"""What somebody may have meant who typed a name that is not known."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the word; None where none is close."""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """To append to an error: the closest of the known names, or all of them where none is close."""
    names = list(known)
    meant = closest(word, names)
    return f"; did you mean {meant!r}?" if meant else f"; known are {', '.join(names)}"
