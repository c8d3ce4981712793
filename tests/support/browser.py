"""A real browser for what a page must do: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless chromium; the test is skipped where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )  # root may not use the sandbox
        yield browser
        browser.close()


class Opened:
    """A page that was opened without a network, and everything that it asked for or complained of."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "", **context: object) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(offline=True, **context)  # type: ignore[arg-type]
        self.context.set_default_timeout(60_000)
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri() + fragment)

    def load_milliseconds(self) -> float:
        """From the beginning of navigation to the end of loading, or to the first contents painted, whichever was later."""
        self.wait_drawn()
        found: float = self.page.evaluate(
            "Math.max(performance.getEntriesByType('navigation')[0].loadEventEnd,"
            " ...performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime))"
        )
        return found

    def wait_drawn(self) -> None:
        """Wait until every chart is drawn."""
        expect(self.page.locator("html.drawn")).to_have_count(1, timeout=60_000)  # its policy forbids wait_for_function
