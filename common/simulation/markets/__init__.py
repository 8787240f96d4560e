"""The simulated markets, without I/O: what is listed when, each market's book and price, and its frames."""
