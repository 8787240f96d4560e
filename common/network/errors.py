"""What a dial ends in where it does not end in a connection."""

from common.errors import ExchangeError


class DialError(ExchangeError):
    """No connection came about; the text is a sentence that names the host or the proxy, and what to do.

    `retry_after_s` is how long the other side asked to be left alone, 0 where it did not.
    """

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
