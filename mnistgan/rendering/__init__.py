"""Grids, animations and plots. Imports no torch."""
