"""docs/inputs.md shows what `recon inputs` prints: the page's own story, made again."""

from __future__ import annotations

import re
from pathlib import Path

from input_shop import TOSS, Shop

PAGE = Path(__file__).parents[2] / "docs" / "inputs.md"


def told(text: str) -> set[str]:
    """The lines, without what is another each time: digests, times of day, and how wide a column had to be."""
    plain = re.sub(r"\b(?=[0-9a-f…]*[0-9])[0-9a-f]{4,64}…?(?![0-9-])", "#", text)
    plain = re.sub(r"\d{4}-\d{2}-\d{2}T[\d:]+Z", "NOW", plain)
    return {" ".join(line.replace("-" * 4, "").split()) for line in plain.splitlines() if line.strip(" -")}


def test_the_page_shows_what_the_commands_print(tmp_path: Path) -> None:
    shop = Shop(
        tmp_path / "shop", TOSS.replace("expected: business_days", 'expected: {on: business_days, by: "06:00"}')
    )
    shop.pay("2026-10-13", T1=10000, T2=20000)
    shop.pay("2026-10-14", T3=5000)
    shop.settle("toss_2026-10-13.csv", arrived="2026-10-13 20:00", T1=10000, T2=20000)
    assert shop.run("2026-10-13").exit == 0
    shop.settle("toss_2026-10-13.csv", arrived="2026-10-14 23:00", T1=10000, T2=19000)
    assert shop.run("2026-10-14").exit == 3
    listed = shop.recon("inputs", "list")
    accepted = shop.accept("toss_2026-10-13.csv", why="corrected by the provider, mail of 15 Oct")
    [block] = re.findall(r"^```\n(\$ recon inputs list\n.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    shown = "\n".join(line for line in block.splitlines() if not line.startswith("$ "))
    printed = listed.out + listed.error + accepted.out + accepted.error
    assert told(shown) - told(printed) == set()
