"""A headless Chromium to open pages in; it notes what went wrong and what was fetched."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Tab:
    """A page that was opened, and what it did.

    Attributes:
        page: to click, type and look at.
        problems: errors and warnings on its console, and exceptions that nobody caught.
        requests: the addresses that it asked for, its own first; not those that hold their content
            themselves (``data:``, ``blob:``).
    """

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))

    def _watch(self) -> None:
        def asked(request: Request) -> None:
            if not request.url.startswith(("data:", "blob:")):
                self.requests.append(request.url)

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.problems.append(message.text)

        self.page.on("request", asked)
        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))


class Chromium:
    """A browser that runs; each page that it opens knows nothing of the others."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
        touch: bool = False,
    ) -> Iterator[Tab]:
        """Open a page and wait until it has loaded.

        Args:
            url: of it; for a file, ``path.as_uri()``.
            width: of the window, CSS pixels; a small phone has 360.
            height: likewise.
            scheme: the colours that the user prefers.
            touch: whether it is a screen to be touched.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=touch
        )
        context.set_default_timeout(120_000)  # milliseconds; a busy machine takes its time
        try:
            tab = Tab(context.new_page())
            tab._watch()
            tab.page.goto(url)
            yield tab
        finally:
            context.close()


def launch() -> Iterator[Chromium]:
    """For a fixture: a Chromium for as long as it is needed; skips where there is none."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip("there is no Chromium on the PATH to open the page in")
    with playwright_api.sync_playwright() as playwright:
        # Of its own sandbox a container's root may have none; the pages are ours.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield Chromium(browser)
        finally:
            browser.close()
