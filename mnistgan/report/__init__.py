"""A self-contained HTML page about a run, made from the files of its run directory.

:mod:`~mnistgan.report.content` reads the run, :mod:`~mnistgan.report.page` renders the page. The
same run directory gives the same page, byte for byte.
"""
