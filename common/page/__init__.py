"""The page of a running recorder: what it serves beside health and metrics."""
