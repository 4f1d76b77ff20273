"""Outputs: plugins that turn a run's events into something to look at.

:class:`~mnistgan.outputs.base.Output` is the interface, :mod:`mnistgan.outputs.registry` finds
them by entry point, and each output that ships has a file of its own.
"""
