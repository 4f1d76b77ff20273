"""Data sets drawn from a generator: which images are kept, and how they are written."""
