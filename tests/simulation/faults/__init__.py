"""Faults of the embedded exchange."""
