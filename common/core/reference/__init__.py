"""Reference prices: what a window of a coin is settled by, and what it is compared with."""
