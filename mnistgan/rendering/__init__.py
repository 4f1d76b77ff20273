"""Grids, animations and curves of images and metrics. Imports no torch."""
