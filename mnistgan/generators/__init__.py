"""The generators that ship with mnistgan; ``benchmarks/train_generators.py`` trained them.

Another package adds its own: an entry point in the group ``mnistgan.generators`` names a
:class:`~pathlib.Path` to a ``.safetensors`` file of ``mnistgan export``. The figures are in a JSON
file of the same name beside it, from ``mnistgan evaluate --json``; it may be missing.
"""

from pathlib import Path

MNIST = Path(__file__).with_name("mnist.safetensors")
MNIST_MLP = Path(__file__).with_name("mnist-mlp.safetensors")
QUICKSTART = Path(__file__).with_name("quickstart.safetensors")
