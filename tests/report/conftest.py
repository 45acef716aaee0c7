"""The report's tests: the factory beside them, and a real browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # night_factory

from playwright.sync_api import Browser, Page


class Opened:
    """An open report: its page, and what it asked of the network and said on the console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def rows(self) -> int:
        """How many breaks the list holds, drawn or not."""
        return int(self.page.locator("#list").get_attribute("aria-rowcount") or 0) - 1


@pytest.fixture
def open_report(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """Open a report by file://, with `at` after the name; waits until its script has run, where it may run."""
    contexts = []

    def opened(
        path: Path, at: str = "", scripts: bool = True, width: int = 1280, height: int = 720, **context_options: Any
    ) -> Opened:
        context = browser.new_context(
            java_script_enabled=scripts, viewport={"width": width, "height": height}, **context_options
        )
        contexts.append(context)
        report = Opened(context.new_page())
        report.page.goto(path.as_uri() + at)
        if scripts:
            report.page.wait_for_selector("html.live-page", timeout=30_000)
        return report

    yield opened
    for context in contexts:
        context.close()
