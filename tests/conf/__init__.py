"""What conf/ ships must fit the code: every name, path, port and limit in it."""
