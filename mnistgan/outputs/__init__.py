"""Outputs: plugins that turn a run's events into files or tracker entries.

:class:`~mnistgan.outputs.base.Output` is the interface, :mod:`mnistgan.outputs.registry` finds
plugins by entry point, and each output that ships with mnistgan has its own file.
"""
