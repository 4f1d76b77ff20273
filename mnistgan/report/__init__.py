"""One page about a run, made of what the run left on disk.

:mod:`~mnistgan.report.facts` gathers it as plain values, :mod:`~mnistgan.report.page` lays it
out. The same run directory gives the same page, byte for byte.
"""
