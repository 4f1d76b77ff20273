"""Outputs: plugins that turn the events of a run into files or entries of an experiment tracker.

:class:`~mnistgan.outputs.base.Output` is the interface, :mod:`mnistgan.outputs.registry` finds
plugins by entry point, and each output that ships with mnistgan has its own module.
"""
