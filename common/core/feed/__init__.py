"""When a reader dials, subscribes and replaces a connection, and which tokens it must have books of."""
