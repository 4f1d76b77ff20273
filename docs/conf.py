"""The site: ``python -m sphinx -W docs site``. Works offline, and asks nobody for a font."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import reference

from mnistgan import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

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


def _fill(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put what is generated where a page wants it."""
    source[0] = re.sub(
        r"^<!-- generated: (\w+) -->$",
        lambda found: reference.PAGES[found[1]](),
        source[0],
        flags=re.MULTILINE,
    )


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", _fill)
