"""How the recorder introduces itself: a library's default name has drawn refusals."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "orderbooks-ws-recorder"


def release() -> str:
    """The version of the installed distribution."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unreleased"


def user_agent() -> str:
    """The value of the User-Agent header, for HTTP and for the websocket handshake."""
    return f"{DISTRIBUTION}/{release()} (records public market data)"
