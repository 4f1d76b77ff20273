"""Sweeps: many runs of one recipe with other settings, chosen by Optuna."""
