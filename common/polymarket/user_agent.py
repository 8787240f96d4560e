"""How the recorder introduces itself: a library's default name has drawn refusals."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "orderbooks-ws-recorder"


def user_agent() -> str:
    """The value of the User-Agent header, for HTTP and for the websocket handshake."""
    try:
        release = version(DISTRIBUTION)
    except PackageNotFoundError:
        release = "unreleased"
    return f"{DISTRIBUTION}/{release} (records public market data)"
