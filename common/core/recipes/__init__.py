"""The exchange's book hash.

Known recipes, the search for unknown ones, how far each can be trusted, and the proof of a book.
"""
