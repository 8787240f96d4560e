"""A process that lives as its name says: `dies` at once, or is `stubborn` and does not heed SIGTERM."""

import signal
import sys
import time

if __name__ == "__main__":
    if "dies-0" in sys.argv:
        sys.exit(3)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
