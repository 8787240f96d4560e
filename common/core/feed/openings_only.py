"""Notices connections that bring opening books and nothing more although the exchange trades."""

IN_A_ROW = 2


class OpeningsOnly:
    """Counts sessions in a row that a checkpoint proved frozen before anything but opening books had come.

    The session that is open counts as the next one when it has been as silent for `silence_ns`: a second proof
    would come much later.
    """

    def __init__(self, silence_ns: int) -> None:
        self._silence_ns = silence_ns
        self._proved = 0

    def moved(self) -> None:
        """Market data beyond the opening books came."""
        self._proved = 0

    def proved_frozen(self) -> None:
        """A session ended that had only opening books, and a checkpoint showed a change that it did not bring."""
        self._proved += 1

    def lasts(self, silent_ns: int) -> bool:
        """Whether that is so by now; `silent_ns`: since the opening books of the open session, 0 without one."""
        more = int(silent_ns >= self._silence_ns)
        return self._proved > 0 and self._proved + more >= IN_A_ROW
