"""The rows of the archives: how they are built, named and read back."""
