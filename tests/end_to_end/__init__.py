"""The commands as users run them: real processes, real sockets, real files."""
