"""The acknowledged queue."""
