"""Archives on disk: gzip members, commit journal, close, recover, read."""
