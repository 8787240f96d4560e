"""What systemd wants to hear of a service: that it is ready, that it stops, and that it is alive (sd_notify(3)).

Without systemd, or with a unit that does not ask, nothing is sent.
"""

import logging
import os
import socket
from collections.abc import MutableMapping

log = logging.getLogger("service_manager")

_ABSTRACT = "@"  # begins the name of a socket that is not a file


class ServiceManager:
    """Speaks to the socket in NOTIFY_SOCKET, which child processes do not inherit."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Take the variables out of the environment."""
        self._address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        environment.pop("WATCHDOG_PID", None)
        self._alive_every_ns = int(microseconds) * 500 if microseconds.isdecimal() else 0  # twice in its time
        self._next_alive_ns = 0
        self._ready = False

    @property
    def waits_for_ready(self) -> bool:
        """Whether somebody waits for `ready`."""
        return bool(self._address) and not self._ready

    def ready(self) -> None:
        """Recording has begun."""
        self._ready = True
        self._tell("READY=1")

    def alive(self, now_monotonic_ns: int) -> None:
        """The main loop goes round; twice in the time after which systemd would take it for dead, it hears so."""
        if self._alive_every_ns and now_monotonic_ns >= self._next_alive_ns:
            self._next_alive_ns = now_monotonic_ns + self._alive_every_ns
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """What was received is being drained."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith(_ABSTRACT) else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(0)
                channel.sendto(state.encode(), address)
        except OSError as error:
            log.warning("service manager not notified", extra={"state": state, "reason": str(error)})
