"""The simulated Gamma."""
