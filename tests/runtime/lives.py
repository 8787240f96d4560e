"""A process that lives as its name says: `dies` at once, `beats` often, or is `stubborn` and does not heed SIGTERM.

It `starts` for ever, or does so after one beat as if it had `begun`: SIGTERM ends it unheeded.
"""

import os
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
    if given["--name"] == "dies-0":
        sys.exit(3)
    if given["--name"] == "beats-0":
        os.write(int(given["--heartbeat"]), b"." * 60_000)
        Path(given["--assignment"]).touch()
    if given["--name"] == "begun-0":
        os.write(int(given["--heartbeat"]), b".")
        Path(given["--assignment"]).touch()
    if given["--name"] in ("starts-0", "begun-0"):
        time.sleep(60)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
