"""Take the pictures of the documentation from a real night: python docs/make_images.py demo/nights/2026-10-12

Needs playwright (of the test dependencies) and a Chromium; run `make demo` first.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = {"width": 1280, "height": 900}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPENED = "psp_not_in_ledger"


def main(night: Path) -> None:
    """Write report.png (the first screen) and break.png (one break opened) into docs/images."""
    with (night / "breaks.csv").open(encoding="utf-8", newline="") as handle:
        break_id = next(row["break_id"] for row in csv.DictReader(handle) if row["code"] == OPENED and row["fix_id"])
    address = (night / "report.html").resolve().as_uri()
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address)
        page.screenshot(path=IMAGES / "report.png")
        page.goto("about:blank")
        page.goto(f"{address}#code={OPENED}&break={break_id}")
        page.locator("#panel h2").wait_for()
        page.screenshot(path=IMAGES / "break.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
