"""Words of rclone without what must stay secret, and remotes that would carry a secret in their name."""

import re
from collections.abc import Mapping

HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|KEY|AUTH|CREDENTIAL|SAS|BEARER", re.IGNORECASE)
_OF_RCLONE = re.compile(r"RCLONE_|AWS_|AZURE_|GOOGLE_|B2_|OS_|SWIFT_", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(://)[^/@\s\"]+@"), rf"\1{HIDDEN}@"),  # user and password in a URL
    (
        re.compile(
            r"((?:x-amz-(?:signature|credential|security-token)|signature|sig|password|pass|secret|"
            r"access_token|token|api_?key)[=:]\s*)[^&\s\"',;]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
)
SHORTEST = 6  # a shorter secret would hide half of the words


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """Words that may be logged: no credentials of URLs and headers, no secret of rclone's environment."""
    for name, value in environment.items():
        if len(value) >= SHORTEST and _OF_RCLONE.match(name) and _SECRET_NAME.search(name):
            text = text.replace(value, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
