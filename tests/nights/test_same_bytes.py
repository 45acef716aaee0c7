"""E28: the same workspace gives the same bytes, whatever the host: its zone, locale, hash seed, umask, threads and paths."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from night_shop import LAST, NIGHTS, SQLITE, STATE, copied, held_back, tree

import recon.api
import recon.pipeline

ROOT = Path(__file__).parents[2]


def nights_elsewhere(shop: Path, umask: int = 0o022, **environment: str) -> dict[str, str]:
    """Run all nights in a new interpreter, from another directory; what they left."""
    command = [sys.executable, "-m", "recon", "catch-up", "--workspace", str(shop), "--through", LAST]
    done = subprocess.run(
        command,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT), STATE: SQLITE, **environment},
        umask=umask,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tree(shop / "nights")


def test_e28_another_zone_locale_hash_seed_umask_and_place(fresh_shop, five_nights, tmp_path):
    """Everything at once, in a directory whose name needs quoting everywhere."""
    shop = copied(fresh_shop, tmp_path / "branch of d'Artagnan {night} $HOME")
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    left = nights_elsewhere(shop, umask=0o077, PYTHONHASHSEED="4711", TZ="Pacific/Kiritimati", **plain)
    assert left == tree(five_nights / "nights")


def test_e28_a_workspace_that_moved_runs_its_nights_again_to_the_same_bytes(five_nights, tmp_path, runner):
    shop = copied(five_nights, tmp_path / "weit weg" / "서울")
    for night in NIGHTS[-2:]:
        again = runner.night(shop, night)
        assert again.exit == 0 and "the same bytes as before" in again.error, again.error


def test_e28_no_path_of_the_host_is_published(five_nights):
    """Neither in the statements nor in any page: a night can be read, and compared, anywhere."""
    for path in sorted((five_nights / "nights").rglob("*")):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found = b"".join(book.read(name) for name in book.namelist())
        else:
            found = path.read_bytes() if path.is_file() else b""
        assert str(five_nights.parent).encode() not in found, path
        assert b".making" not in found, path


@pytest.mark.soak
def test_e28_one_thread_or_two(fresh_shop, five_nights, tmp_path, runner):
    """The setting enters the hash of the configuration, and nothing else of a night."""
    shop = copied(fresh_shop, tmp_path / "shop")
    settings = shop / "recon.yaml"
    settings.write_text(settings.read_text("utf-8") + "threads: 1\nmemory_limit: 200MB\n", encoding="utf-8")
    assert runner.recon(shop, "catch-up", "--through", LAST).exit == 0
    one, two = (without_hashes(each / "nights") for each in (shop, five_nights))
    assert one == two


def test_e28_a_night_taken_for_a_large_one(five_nights, tmp_path, monkeypatch):
    """Its relations are views, where a small night's are tables."""
    shop = copied(five_nights, tmp_path / "shop")
    monkeypatch.setenv(STATE, SQLITE)
    monkeypatch.setattr(recon.pipeline, "SMALL", 0)
    assert recon.api.run(shop, LAST).changed  # by its statements
    for name in ("breaks.csv", "fixes.jsonl", "pending.csv", "quarantine.csv", "cleared/payin.parquet"):
        assert (shop / "nights" / LAST / name).read_bytes() == (five_nights / "nights" / LAST / name).read_bytes(), name


def without_hashes(nights: Path) -> dict[str, object]:
    """What nights left, less what the configuration's hash goes into."""
    named = ("manifest.json", "summary.json", "report.html", "report.xlsx")
    left: dict[str, object] = {name: sha256 for name, sha256 in tree(nights).items() if not name.endswith(named)}
    for night in NIGHTS:
        facts = json.loads((nights / night / "summary.json").read_text("utf-8"))
        del facts["config_sha256"], facts["rules_sha256"], facts["previous"]
        page = (nights / night / "report.html").read_text("utf-8")
        left[night] = (facts, re.sub(r"\b[0-9a-f]{64}\b", "", page))
    return left


@pytest.mark.parametrize("arriving", ["adyen", "toss"])
def test_e28_files_that_come_in_one_by_one_or_together(four_nights, five_nights, tmp_path, runner, arriving):
    """Which files were there when the night first ran does not show in what it says of money."""
    shop = copied(four_nights, tmp_path / "shop")
    with held_back(shop, f"{arriving}_{LAST}*"):
        assert runner.night(shop).exit == 3
    assert runner.night(shop).exit == 0
    for name in ("breaks.csv", "fixes.jsonl", "pending.csv", "quarantine.csv", "cleared/payin.parquet"):
        assert (shop / "nights" / LAST / name).read_bytes() == (five_nights / "nights" / LAST / name).read_bytes(), name
