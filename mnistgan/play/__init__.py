"""A page on this machine alone, to play with a generator: sliders through latent space, a seed."""
