"""Faults as acts: cut, kill, freeze, fill."""
