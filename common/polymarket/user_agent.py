"""How the recorder introduces itself: a library's default name has drawn refusals."""

from common import __version__

PROGRAM = "orderbooks-ws-recorder"


def user_agent() -> str:
    """The value of the User-Agent header, for HTTP and for the websocket handshake."""
    return f"{PROGRAM}/{__version__} (records public market data)"
