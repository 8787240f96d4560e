"""Closed archives made of what a crash or a copied disk left open."""
