"""Exports to the formats of other projects, read back and compared with our own books."""
