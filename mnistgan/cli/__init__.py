"""The command line: one file per command. Only this package imports typer and rich."""

from mnistgan.cli.app import app, main

__all__ = ["app", "main"]
