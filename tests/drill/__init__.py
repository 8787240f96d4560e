"""The parts of the drill that need no running recorder."""
