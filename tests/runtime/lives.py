"""A process that lives as its name says: `dies` at once, `beats` often, or is `stubborn` and does not heed SIGTERM."""

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
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
