"""The command line: one thin file a command. Only here are typer and rich imported."""

from mnistgan.cli.app import app, main

__all__ = ["app", "main"]
