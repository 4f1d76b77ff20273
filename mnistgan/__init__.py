"""Train, see, measure and give away GANs on MNIST-sized images."""

__version__ = "0.1.0"
