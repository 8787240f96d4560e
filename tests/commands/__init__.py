"""The commands behind bin/, run as users run them."""
