"""Grids, animations and plots. Does not import torch."""
