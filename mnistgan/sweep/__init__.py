"""Hyperparameter search: many runs of one config with different values, chosen by Optuna."""
