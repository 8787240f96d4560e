"""The shipped settings files: a package, so that an installed recorder finds them like a checkout does."""
