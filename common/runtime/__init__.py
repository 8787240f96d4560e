"""The life of a process: settings, logs, signals, heartbeat, clocks."""
