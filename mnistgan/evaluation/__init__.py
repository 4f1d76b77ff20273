"""Measures of how good a generator's images are."""
