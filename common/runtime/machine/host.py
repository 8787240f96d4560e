"""The name of the host that records, as rows and sidecars state it."""

import re
import socket

_LONGEST = 63


def host_name(configured: str) -> str:
    """The configured name, else the machine's own, cleaned to letters, digits, dots, dashes and underscores."""
    return configured or clean_host_name(socket.gethostname())


def clean_host_name(name: str) -> str:
    """What the setting `host` would take; `host` where nothing is left."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")
    return cleaned[:_LONGEST] or "host"
