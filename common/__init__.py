"""What the processes share: the pure core, and one package for each kind of outside world."""

__version__ = "0.2.0"
