"""The files of the page as they lie in the package: read once, when the first browser asks."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from common.status.answers import Page

CONTENT_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
INDEX = "index.html"


@lru_cache(maxsize=1)
def page_files() -> Mapping[str, Page]:
    """Every file by its path: `/` and `/page/NAME`."""
    found = {}
    for file in (files("common.page") / "assets").iterdir():
        content_type = CONTENT_TYPES.get(file.name[file.name.rfind(".") :])
        if content_type is not None:
            body = file.read_bytes()
            path = "/" if file.name == INDEX else f"/page/{file.name}"
            found[path] = Page(200, content_type, body, etag=hashlib.sha256(body).hexdigest()[:32])
    return found
