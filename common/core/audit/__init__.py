"""The checks of rebuilt books.

Stated hashes and best prices, snapshots, checkpoints, and what follows from a divergence.
"""
