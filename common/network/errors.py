"""What a dial ends in where it does not end in a connection."""

from common.errors import ExchangeError


class DialError(ExchangeError):
    """No connection came about; the text is a sentence that names the host or the proxy, and what to do.

    `retry_after_s` is how long the other side asked to be left alone, 0 where it did not. `too_many`: it refused
    because there are too many dials (HTTP 429).
    """

    def __init__(self, reason: str, *, retry_after_s: float = 0.0, too_many: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.too_many = too_many
