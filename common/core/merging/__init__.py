"""Two recordings of the same exchange: what they have in common, and what only one of them has."""
