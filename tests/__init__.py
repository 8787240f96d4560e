"""Sentences about behaviour, on real sockets, real processes and real files."""
