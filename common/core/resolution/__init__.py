"""How windows end: what the exchange's two sources say of it, when to ask them, and what the prices make of it."""
