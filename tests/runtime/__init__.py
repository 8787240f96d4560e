"""The life of a process, and what commands do alike."""
