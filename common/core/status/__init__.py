"""Health, history and the status view, from the facts of all processes."""
