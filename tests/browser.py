"""A headless Chromium that records the errors and requests of the pages it opens."""

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
    """An open page, with its errors and requests.

    Attributes:
        page: Playwright's page.
        problems: console errors and warnings, and uncaught exceptions.
        requests: requested addresses, the page's own first; without ``data:`` and ``blob:``.
    """

    page: Page
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """The number of pixels by which the page is wider than the window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))

    def _watch(self) -> None:
        def on_request(request: Request) -> None:
            if not request.url.startswith(("data:", "blob:")):
                self.requests.append(request.url)

        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.problems.append(message.text)

        self.page.on("request", on_request)
        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))


class Chromium:
    """A running browser; its pages share no state."""

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
            url: its address; for a file, ``path.as_uri()``.
            width: width of the window in CSS pixels; a small phone has 360.
            height: height of the window.
            scheme: preferred color scheme.
            touch: whether the screen is a touch screen.
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
    """Yield a Chromium, for use in a fixture; skips the test if none is installed."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip("no Chromium on the PATH")
    with playwright_api.sync_playwright() as playwright:
        # In a container, root may not be able to start the sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield Chromium(browser)
        finally:
            browser.close()
