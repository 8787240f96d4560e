"""Sequences, sessions and coverage over many archives: what is missing and not declared."""
