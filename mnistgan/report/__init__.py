"""A self-contained HTML page about a run, made from the files of its run directory.

:mod:`~mnistgan.report.content` reads the run, and :mod:`~mnistgan.report.page` renders the page.
Equal run directories give equal pages, byte for byte.
"""
