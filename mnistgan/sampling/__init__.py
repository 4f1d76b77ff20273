"""Images from a generator file: each a function of the seed, the classes and its index."""
