"""recon status: the nights, a month for the close, and the page over all of them."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given
from hypothesis import strategies as st
from morning import Said, command
from playwright.sync_api import Browser

from recon.errors import ReconError
from recon.report.index import render_index, trends
from recon.report.nights import NightLine, month_view, rate_text

Recon = Callable[..., Said]
NIGHTS = ["2026-10-08", "2026-10-09", "2026-10-10", "2026-10-11", "2026-10-12"]


def test_a_night_says_what_its_folder_says(shop: Path, recon: Recon) -> None:
    told = recon("status", "--json").json
    assert [each["night"] for each in told] == NIGHTS
    for each in told:
        folder = shop / "nights" / each["night"]
        parts = json.loads((folder / "summary.json").read_text())["reconciliations"].values()
        assert each["cleared"] == sum(part["groups"]["cleared"] for part in parts)
        rows = [row for row in pq.read_table(folder / "breaks.parquet").to_pylist() if row["state"] != "resolved"]
        assert each["open"] == len(rows)
        assert each["oldest"] == max(row["age_days"] for row in rows)
        money: dict[str, Decimal] = {}
        for row in rows:
            if row["difference"]:
                money[row["currency"]] = money.get(row["currency"], Decimal(0)) + abs(Decimal(row["difference"]))
        assert {name: Decimal(amount) for name, amount in each["money"].items()} == money
    assert len(recon("status", "--last", 2, "--json").json) == 2


def test_the_lines_fit_a_terminal_and_name_the_next_command(recon: Recon) -> None:
    said = recon("status")
    assert max(map(len, said.out.splitlines()[:8])) <= 80
    assert said.err.strip() == "next: recon breaks list --date 2026-10-12"


def test_a_month_adds_up_and_says_what_is_in_its_way(recon: Recon) -> None:
    told = recon("status", "--month", "2026-10", "--json").json
    assert told["ties"] and told["missing"] == []
    assert told["opened"] + told["new"] + told["reopened"] - told["resolved"] == told["closed"]
    assert told["blocks"][0] == "the month has nights to come"
    assert any(block.endswith("open to investigate") for block in told["blocks"])
    assert {psp for psp, *_ in told["cleared"]} >= {"stripe", "adyen", "toss"}
    said = recon("status", "--month", "2026-10").out
    assert "not ready to close" in said
    for wrong in ("2026-13", "2026", "10-2026"):
        error = recon("status", "--month", wrong).error
        assert isinstance(error, ReconError) and error.name == "bad-date"


def line(night: date, **changes: Any) -> NightLine:
    made = NightLine(night, "reconciled", "", 10, 0, 0, 0, 0, 0, {}, 0, 10, 0, 0, {}, False, ())
    return replace(made, **changes)


def month(*days: int, **changes: Any) -> list[NightLine]:
    return [line(date(2026, 9, day), **changes) for day in days]


def test_a_whole_clean_month_is_ready() -> None:
    lines = [*month(*range(1, 31)), line(date(2026, 10, 1))]
    view = month_view(lines, "2026-09", date(2026, 9, 1))
    assert (view.blocks, view.missing, view.ties) == ((), (), True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([*month(*range(1, 30)), line(date(2026, 10, 1))], "not run: 1 (2026-09-30)"),
        ([*month(*range(1, 31), stale=True), line(date(2026, 10, 1))], "run again: 30 (2026-09-01"),
        ([*month(*range(1, 30)), *month(30, verdict="incomplete", awaiting=("toss",))], "incomplete: toss"),
        ([*month(*range(1, 30)), *month(30, open=3, by_class={"manual_review": 3})], "3 open to decide on"),
        (month(*range(1, 29)), "the month has nights to come"),
    ],
)
def test_what_is_in_the_way_of_a_close(lines: list[NightLine], said: str) -> None:
    blocks = month_view(lines, "2026-09", date(2026, 9, 1)).blocks
    assert any(said in block.english and re.search("[가-힣]", block.korean) for block in blocks)


def test_breaks_that_do_not_add_up_over_a_month_are_said() -> None:
    lines = month(1, open=2, new=2) + month(2, open=5, new=1)
    assert not month_view(lines, "2026-09", date(2026, 9, 1)).ties


def test_a_rate_is_rounded_down() -> None:
    assert rate_text(line(date(2026, 9, 1), cleared=999_999, open=1).rate) == "99.9 %"
    assert rate_text(line(date(2026, 9, 1), cleared=1_000_000).rate) == "100.0 %"
    assert rate_text(line(date(2026, 9, 1), cleared=0).rate) == ""


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_is_the_same_bytes_and_asks_for_nothing(shop: Path, recon: Recon) -> None:
    recon("status")
    page = shop / "nights" / "index.html"
    first = page.read_bytes()
    recon("status")
    assert page.read_bytes() == first
    text = html.unescape(first.decode())
    assert "default-src 'none'" in text and "<script" not in text and " style=" not in text
    assert not re.search(r"(?:src|href)=.?(?:https?:|//)", text)
    for night in NIGHTS:
        assert f'href="{night}/report.html"' in text
    assert [path.name for path in (shop / "nights").iterdir() if path.name.startswith(".index")] == []


def test_hostile_words_are_shown_and_a_stale_night_is_marked() -> None:
    lines = [line(date(2026, 9, 1), awaiting=("<img src=x>\u202e",), stale=True, money={"<b>": "1.00"})]
    page = render_index("</title><script>alert(1)</script>", lines, None)
    assert "<script" not in page and "<img" not in page and "<b>" not in page
    assert "\u202e" not in page and 'class="stale"' in page


def test_korean_and_english_say_every_word(shop: Path, recon: Recon) -> None:
    recon("status")
    text = (shop / "nights" / "index.html").read_text(encoding="utf-8")
    assert text.count('<span lang="en">') == text.count('<span lang="ko">') > 40
    assert all(re.search("[가-힣]", word) for word in re.findall(r'<span lang="ko">(.*?)</span>', text))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=120))
def test_a_curve_stays_in_its_box(values: list[int]) -> None:
    lines = [line(date(2026, 1, 1) + timedelta(days=n), open=value) for n, value in enumerate(values)]
    curve = trends(lines)[0]
    assert (curve.first, curve.last) == (str(values[0]), str(values[-1]))
    for point in curve.points.split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 300 and 0 <= y <= 60


def test_a_run_brings_the_page_up_to_date(shop: Path, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    shutil.copytree(shop, root)
    (root / "nights" / "index.html").unlink(missing_ok=True)
    said = command("run", "-w", root, "--date", "2026-10-12")
    assert said.code == 0
    assert "2026-10-12/report.html" in (root / "nights" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["English", "한국어"])
def test_axe_finds_nothing_serious_in_the_page_over_the_nights(
    shop: Path, recon: Recon, browser: Browser, language: str, scheme: Literal["light", "dark"]
) -> None:
    recon("status")
    page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page.goto((shop / "nights" / "index.html").as_uri())
    page.get_by_label(language).check()
    found = Axe().run(page).response["violations"]
    page.close()
    assert [
        (each["id"], each["nodes"][0]["html"][:160]) for each in found if each["impact"] in ("serious", "critical")
    ] == []


def test_the_page_in_a_browser_speaks_both_languages(shop: Path, recon: Recon, browser: Browser) -> None:
    recon("status")
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 320, "height": 700})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    page.goto((shop / "nights" / "index.html").as_uri())
    assert page.get_by_text("Newest night", exact=True).is_visible()
    page.get_by_label("한국어").check()
    assert page.get_by_text("최근 대사일", exact=True).is_visible()
    assert not page.get_by_text("Newest night", exact=True).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()
    assert len(asked) == 1
