"""`make bench`: one night at several sizes, `recon run` beside a floor and two hand-written scripts.

Contenders, each in a process of its own, in turn within every round so that all see the same machine:
  floor    count the rows of the three files with DuckDB, every column as text     (floor.py)
  duckdb   the same comparison as one hand-written DuckDB script                   (by_hand_duckdb.py)
  pandas   the same comparison in plain pandas                                     (by_hand_pandas.py)
  recon    `recon run --date`, the whole of it, from files to report, in a fresh workspace every time
Every answer is held against what was planted: groups cleared and pending, breaks per code; a wrong one ends in exit 1.
Seconds are wall-clock, process start included. Read the ratios: machines differ. Results: benchmarks/out/results.json.

This process must stay small: Linux counts a child's peak memory from the fork on, so its own would be the least that it
could report. That is why nothing but the standard library is imported here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
NIGHT = "2026-11-19"
RECON = Path(sys.executable).with_name("recon")
HELP_LIMIT = 0.3

WORKSPACE = """\
version: 1
name: bench
time_zone: UTC
opening: {{empty_from: {night}}}
threads: {threads}
memory_limit: {memory}
sources:
  acme:
    format: generic_settlement
    psp: acme
    files: in/settlement.csv
  ledger:
    format: generic_ledger
    moves: events
    files: in/ledger.csv
  orders:
    format: generic_payment_order
    moves: changes
    files: in/orders.csv
reconciliations: [payin]
"""


class WrongAnswerError(Exception):
    """A contender failed, or says something else than was planted."""


@dataclass
class Runs:
    """What one contender did at one size: seconds and peak megabytes of each round."""

    name: str
    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def timed(command: list[str], stdout: Path) -> tuple[float, float]:
    """Run a command; returns seconds and the peak resident megabytes of its largest process. Raises where it fails."""
    with stdout.open("w") as out, stdout.with_suffix(".err").open("w") as errors:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        said = stdout.with_suffix(".err").read_text()[-2000:] or stdout.read_text()[-2000:]
        raise WrongAnswerError(f"{' '.join(command)} ended with exit {child.returncode}:\n{said}")
    return seconds, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)


def expect(name: str, answer: dict[str, Any], truth: dict[str, Any]) -> None:
    """Hold an answer (cleared, pending, codes) against what was planted."""
    planted = {code: count for code, count in truth["codes"].items() if count}
    for what, found, wanted in (
        ("cleared", answer["cleared"], truth["cleared"]),
        ("pending", answer["pending"], truth["pending"]),
        ("breaks", answer["codes"], planted),
    ):
        if found != wanted:
            raise WrongAnswerError(f"{name}: {what} {found}, planted {wanted}")


def run_floor(data: Path, work: Path, truth: dict[str, Any]) -> tuple[float, float]:
    """Count the rows; the counts have to be those that were written."""
    result = timed([sys.executable, str(HERE / "floor.py"), str(data)], work / "stdout")
    rows = json.loads((work / "stdout").read_text())["rows"]
    if rows != truth["rows"]:
        raise WrongAnswerError(f"floor: rows {rows}, written {truth['rows']}")
    return result


def by_hand(script: str) -> Callable[[Path, Path, dict[str, Any]], tuple[float, float]]:
    """A contender that is a script of ours printing its counts."""

    def run(data: Path, work: Path, truth: dict[str, Any]) -> tuple[float, float]:
        result = timed([sys.executable, str(HERE / script), str(data), str(work / "result")], work / "stdout")
        expect(script, json.loads((work / "stdout").read_text()), truth)
        return result

    return run


def run_recon(data: Path, work: Path, truth: dict[str, Any]) -> tuple[float, float]:
    """A fresh workspace (not timed), then the command as cron would call it, bytecode already compiled."""
    (work / "in").mkdir()
    for name in ("settlement.csv", "ledger.csv", "orders.csv"):
        os.link(data / name, work / "in" / name)
    settings = WORKSPACE.format(
        night=NIGHT, threads=os.cpu_count() or 1, memory=os.environ.get("RECON_BENCH_MEMORY", "1GB")
    )
    (work / "recon.yaml").write_text(settings)
    result = timed([str(RECON), "run", "--workspace", str(work), "--date", NIGHT], work / "stdout")
    expect("recon", answer_of(work / "nights" / NIGHT), truth)
    return result


def answer_of(night: Path) -> dict[str, Any]:
    """What a night's folder says, in the form of the hand-written scripts."""
    payin = json.loads((night / "summary.json").read_text())["reconciliations"]["payin"]
    groups = payin["groups"]
    return {"cleared": groups["cleared"], "pending": groups["pending"], "codes": payin["breaks"]["by_code"]}


CONTENDERS: dict[str, Callable[[Path, Path, dict[str, Any]], tuple[float, float]]] = {
    "floor": run_floor,
    "duckdb": by_hand("by_hand_duckdb.py"),
    "pandas": by_hand("by_hand_pandas.py"),
    "recon": run_recon,
}


def inputs(payments: int, seed: int, legs: int) -> tuple[Path, dict[str, Any]]:
    """The folder with the made files of that size, made once, and what was planted."""
    data = OUT / f"data-{payments}-{seed}-{legs}"
    wanted = {"maker": (HERE / "make_data.py").read_text()}
    stamp = data / "made-by.json"
    if not stamp.exists() or json.loads(stamp.read_text()) != wanted:
        shutil.rmtree(data, ignore_errors=True)
        command = [sys.executable, str(HERE / "make_data.py"), str(data), "--payments", str(payments)]
        subprocess.run([*command, "--seed", str(seed), "--legs", str(legs)], check=True)
        stamp.write_text(json.dumps(wanted))
    return data, json.loads((data / "truth.json").read_text())


def race(payments: int, names: list[str], rounds: int, seed: int, legs: int) -> list[Runs]:
    """Every contender once a round; the first turn moves on by one each round."""
    data, truth = inputs(payments, seed, legs)
    runs = {name: Runs(name) for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            work = OUT / "work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            seconds, peak = CONTENDERS[name](data, work, truth)
            runs[name].seconds.append(seconds)
            runs[name].peak_mb.append(peak)
            print(f"  round {turn + 1} {name:<7} {seconds:7.2f} s {peak:6.0f} MB", file=sys.stderr)
    shutil.rmtree(OUT / "work", ignore_errors=True)
    show(payments, sum(truth["rows"].values()), list(runs.values()))
    return list(runs.values())


def show(payments: int, rows: int, runs: list[Runs]) -> None:
    """The table of one size."""
    medians = {run.name: run.median for run in runs}
    print(f"\n{payments:,} payments, {rows:,} rows in three files; all answers agree with what was planted")
    print(f"  {'':<8} {'median s':>9} {'min - max':>15} {'rows/s':>11} {'peak MB':>8} {'x floor':>8} {'x duckdb':>9}")
    for run in runs:
        spread = f"{min(run.seconds):.2f} - {max(run.seconds):.2f}"
        ratios = [f"{run.median / medians[other]:.2f}" if other in medians else "-" for other in ("floor", "duckdb")]
        print(
            f"  {run.name:<8} {run.median:>9.2f} {spread:>15} {rows / run.median:>11,.0f} {max(run.peak_mb):>8.0f}"
            f" {ratios[0]:>8} {ratios[1]:>9}"
        )


def help_seconds(rounds: int = 7) -> list[float]:
    """Seconds that `recon --help` takes, each in a new process."""
    OUT.mkdir(exist_ok=True)
    return [timed([str(RECON), "--help"], OUT / "help")[0] for _ in range(rounds)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--payments", type=int, action="append", help="a size; may be repeated (default: 100000, 1000000)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--legs", type=int, choices=(1, 2), default=2, help="ledger rows a posting: 2 is double entry")
    parser.add_argument("--only", action="append", choices=list(CONTENDERS), help="a contender; may be repeated")
    given = parser.parse_args()
    names = [name for name in CONTENDERS if not given.only or name in given.only]
    results: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"
    }
    try:
        if "recon" in names:
            took = help_seconds()
            results["help"] = took
            print(f"recon --help: median {statistics.median(took):.2f} s (expected: at most {HELP_LIMIT})")
        for payments in given.payments or [100_000, 1_000_000]:
            print(f"{payments:,} payments, {given.rounds} rounds", file=sys.stderr)
            runs = race(payments, names, given.rounds, given.seed, given.legs)
            results[str(payments)] = [asdict(run) | {"median": run.median} for run in runs]
    except WrongAnswerError as wrong:
        print(f"bench: {wrong}", file=sys.stderr)
        return 1
    (OUT / "results.json").write_text(json.dumps(results, indent=1))
    print(f"\n{results['machine']}\nfigures in {OUT.relative_to(HERE.parent)}/results.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
