"""The training loop: trainer, step, losses, Adam, moving average, ranks."""
