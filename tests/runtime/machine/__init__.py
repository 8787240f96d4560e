"""What a process asks of its machine."""
