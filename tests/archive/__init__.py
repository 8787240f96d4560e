"""Archives on disk: written, crashed, recovered and read back, on real files."""
