"""Whether the REST checkpoints fail as a whole: no request brings a book, round after round."""

ROUNDS = 2


class RestWatch:
    """Counts rounds of requests without any success; one success ends that."""

    def __init__(self) -> None:
        self._rounds = 0
        self._since_ns: int | None = None
        self._reason = ""

    @property
    def fails(self) -> bool:
        """Whether the newest request failed, or brought nothing, and none has succeeded since."""
        return self._since_ns is not None

    def succeeded(self) -> None:
        """A request brought at least one book."""
        self._rounds, self._since_ns = 0, None

    def failed(self, reason: str, requested_ns: int) -> None:
        """A request failed, or no token that trades had a book in its answer; `requested_ns` is monotonic."""
        self._reason = reason
        if self._since_ns is None:
            self._since_ns = requested_ns

    def round_over(self) -> None:
        """All tokens were asked for once more."""
        self._rounds += self.fails

    def problem(self, now_ns: int) -> str:
        """What is wrong, as a message; empty while all is well, or the failures are too few to tell."""
        if self._since_ns is None or self._rounds < ROUNDS:
            return ""
        return (
            f"no checkpoint has succeeded for {(now_ns - self._since_ns) // 1_000_000_000} s: {self._reason}"
        )
