"""A real browser: Debian's Chromium, driven by Playwright; and axe-core in its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.tools import path_of
from tests.support.waiting import PATIENCE

#: It makes no request of its own.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run the browser for as long as the block."""
    # What is expected comes when the machine has time for it.
    expect.set_options(timeout=1_000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path_of("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Tab:
    """A page of the browser that collects what a reader would never see.

    messages: of the console, errors of scripts and what the security policy has forbidden among them.
    """

    def __init__(self, browser: Browser, base_url: str, **look: Any) -> None:
        self._context = browser.new_context(base_url=base_url, **look)
        self._context.set_default_timeout(1_000 * PATIENCE)
        self.page: Page = self._context.new_page()
        self.messages: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))

    def open(self, path: str) -> Page:
        """Open a path of the service."""
        self.page.goto(path)
        return self.page

    def violations(self) -> list[str]:
        """Check the page with axe-core: WCAG 2.2 A and AA, and its best practices."""
        self.page.evaluate(Path(path_of("axe") or "").read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def ask_now(self) -> None:
        """Have the page ask what has changed, as one does that comes to the front again."""
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def close(self) -> None:
        """Close it."""
        self._context.close()
