"""Latent space: interpolation, walks, projection, directions."""
