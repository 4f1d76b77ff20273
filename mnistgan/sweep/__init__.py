"""Hyperparameter search: runs of one config with different values, chosen by Optuna."""
