"""One training run, from its plan to its last file, and what is read from it afterwards."""
