"""The analyst's waits, part of `make bench`: `recon explain` on a night of 1 M payments, a report of 20,000 breaks in Chromium.

explain   median seconds of the command, process start included, for references that cleared, broke, wait and are unknown
page      the report of a real night that lost the ledger's postings of 20,000 payments: milliseconds from opening the
          file to a page that answers, and from a change of a filter to the next painted frame
Results: benchmarks/out/morning.json. Seconds depend on the machine; nothing here is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from run import NIGHT, OUT, RECON, WORKSPACE, inputs, timed

LOST = 20_000
#: Sets a field, tells the page, and gives the milliseconds until the frame after is painted.
FILTER = """([id, value]) => new Promise((done) => {
  const field = document.getElementById(id), began = performance.now();
  field.value = value;
  field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""


def night(name: str, payments: int, lost: int) -> Path:
    """The folder of a night over made inputs, whose ledger lacks the first `lost` payments; run once and kept."""
    data, _ = inputs(payments, seed=7, legs=2)
    work = OUT / name
    made = work / "nights" / NIGHT
    if not (made / "manifest.json").exists():
        shutil.rmtree(work, ignore_errors=True)
        (work / "in").mkdir(parents=True)
        for file in ("settlement.csv", "orders.csv"):
            os.link(data / file, work / "in" / file)
        with (data / "ledger.csv").open() as source, (work / "in" / "ledger.csv").open("w") as kept:
            heads = next(source)
            kept.write(heads)
            place = heads.rstrip("\n").split(",").index("payment_order_id")
            kept.writelines(line for line in source if not _lost(line.split(",")[place], lost))
        settings = WORKSPACE.format(night=NIGHT, threads=os.cpu_count() or 1, memory="1GB")
        (work / "recon.yaml").write_text(settings)
        subprocess.run([str(RECON), "run", "--workspace", str(work), "--date", NIGHT], check=True)
    return made


def _lost(reference: str, lost: int) -> bool:
    number = "".join(filter(str.isdigit, reference))
    return bool(number) and int(number) < lost


def explain(folder: Path, rounds: int) -> dict[str, float]:
    """Median seconds per kind of reference."""
    import pyarrow.parquet as pq

    broken = pq.read_table(folder / "breaks.parquet", columns=["break_id", "key"]).slice(0, 1).to_pylist()[0]
    asked = {
        "a break": broken["break_id"],
        "a payment that broke": broken["key"].split("/")[0],
        "a payment that cleared": _cleared(folder),
        "an unknown id": "NOBODY-KNOWS-1",
    }
    workspace = folder.parents[1]
    medians = {}
    for what, reference in asked.items():
        seconds = []
        for _ in range(rounds):
            command = [str(RECON), "explain", "--workspace", str(workspace), reference]
            # An unknown id ends in a usage error: what counts is how long the answer takes.
            seconds.append(timed(["/bin/sh", "-c", '"$0" "$@" || true', *command], OUT / "explain")[0])
        medians[what] = statistics.median(seconds)
        print(f"  explain, {what:<24} {medians[what]:6.2f} s")
    return medians


def _cleared(folder: Path) -> str:
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "cleared" / "payin.parquet").slice(123_456, 1)
    return str(rows.column("payment_order_id")[0])


def page(folder: Path, rounds: int) -> dict[str, float]:
    """Median milliseconds of opening the report, and of a filter that finds much, little and nothing."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("no Chromium: apt-get install chromium")
    taken: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            shown = browser.new_page(viewport={"width": 1280, "height": 720})
            shown.goto((folder / "report.html").as_uri())
            shown.wait_for_selector("html.live-page")
            loaded = "performance.getEntriesByType('navigation')[0].loadEventEnd"
            taken.setdefault("open", []).append(float(shown.evaluate(loaded)))
            for what, change in {
                "filter by class": ["f-class", "auto_fix"],
                "search, much": ["f-q", "psp"],
                "search, little": ["f-q", "PO-000000123"],
                "search, nothing": ["f-q", "nobody knows"],
            }.items():
                taken.setdefault(what, []).append(float(shown.evaluate(FILTER, change)))
            shown.close()
        browser.close()
    medians = {what: statistics.median(each) for what, each in taken.items()}
    for what, milliseconds in medians.items():
        print(f"  page, {what:<24} {milliseconds:8.0f} ms")
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=1_000_000, help="of the night that explain looks into")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    results: dict[str, Any] = {}
    large = night("morning", given.payments, lost=0)
    print(f"\nthe morning after a night of {given.payments:,} payments")
    results["explain"] = explain(large, given.rounds)
    bad = night("morning-bad", 100_000, LOST)
    breaks = json.loads((bad / "summary.json").read_text())["reconciliations"]["payin"]["breaks"]
    print(f"\na report of {sum(breaks['by_code'].values()):,} breaks, {(bad / 'report.html').stat().st_size:,} bytes")
    results["page"] = page(bad, given.rounds)
    (OUT / "morning.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    sys.exit(main())
