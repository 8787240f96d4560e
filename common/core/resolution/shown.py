"""What the run manifest shows of the outcomes of windows, and what an operator is warned of."""

import msgspec

WARNED_OF = 3  # disagreements; the run manifest has more
SHOWN = 20


class ResolutionShown(msgspec.Struct, frozen=True):
    """`waiting` windows have ended, or will, and are not resolved by both sources; the other numbers are of this run.

    `disagreements` are of windows that are still followed, as messages. `failing` is why a source brings nothing, empty
    while it answers.
    """

    waiting: int = 0
    resolved: int = 0
    given_up: int = 0
    corrected: int = 0
    disagreements: tuple[str, ...] = ()
    failing: str = ""


def resolution_warnings(shown: ResolutionShown) -> tuple[str, ...]:
    """What an operator should see to although the recording is well."""
    words = [f"outcomes of windows are not learned: {shown.failing}"] if shown.failing else []
    words += [f"outcome disputed: {each}" for each in shown.disagreements[:WARNED_OF]]
    if len(shown.disagreements) > WARNED_OF:
        words.append(f"{len(shown.disagreements) - WARNED_OF} more outcomes disputed")
    return tuple(words)
