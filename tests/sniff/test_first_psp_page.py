"""docs/your-first-psp.md shows what its commands print, from a file nobody has heard of to the first night."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))


def test_the_page_says_what_its_commands_print() -> None:
    import play_page

    page = ROOT / "docs" / "your-first-psp.md"
    assert play_page.play(page) == page.read_text(encoding="utf-8")
