"""What a process asks of its machine: the name, the room on disk, the error of the clock, the service manager."""
