"""The fault drill: a recorder under load, broken on purpose, and the proof of what it kept."""
