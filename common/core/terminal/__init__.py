"""Text for a terminal of any width: cleaning, fitting, rates and keys."""
