"""Export generators to formats that other programs read."""
