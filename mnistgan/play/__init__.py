"""A local web page to explore a generator: seeds, classes, and sliders through latent space."""
