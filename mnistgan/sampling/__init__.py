"""Sampling from a generator file: an image is a function of seed, classes and index."""
