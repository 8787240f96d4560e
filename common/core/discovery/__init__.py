"""What Gamma's objects mean and which markets are recorded.

Reading, windows, selection, and what is wrong with what was found.
"""
