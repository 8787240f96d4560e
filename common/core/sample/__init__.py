"""The account of a sample and the gate that judges it."""
