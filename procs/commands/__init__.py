"""What the scripts in bin/ start: one file is one command."""
