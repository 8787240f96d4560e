"""The simulated markets, without I/O."""
