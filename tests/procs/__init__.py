"""Single processes of the recorder, each against small servers on loopback."""
