"""What only Polymarket says."""
