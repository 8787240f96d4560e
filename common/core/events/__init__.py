"""What the exchange says as typed events.

The usual forms read fast, every other form that means the same read slowly, and what cannot be read counted.
"""
