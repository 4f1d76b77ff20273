"""The site: ``python -m sphinx -W docs site``. It works offline."""

from __future__ import annotations

from mnistgan import __version__

project = "mnistgan"
author = "The mnistgan maintainers"
project_copyright = author
version = release = __version__

extensions = ["myst_parser"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
smartquotes = False  # or --option would become a dash
nitpicky = True

html_theme = "furo"
html_title = "mnistgan"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["run-config.schema.json"]
