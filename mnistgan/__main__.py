"""``python -m mnistgan`` is the command ``mnistgan``."""

from mnistgan.cli import main

main()
