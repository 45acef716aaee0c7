"""The cron wrapper: which night it runs, when it tries again, and what cron gets to mail."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

ROOT = Path(__file__).parents[2]
WRAPPER = ROOT / "cron" / "recon-nightly"


class Fake:
    """A workspace, and a `recon` on PATH that notes its arguments and exits with the given codes, one a call."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "shop"
        self.workspace.mkdir()
        self.calls_file = folder / "calls"
        self.codes_file = folder / "codes"
        self.bin = folder / "bin"
        self.bin.mkdir()
        command = self.bin / "recon"
        command.write_text(
            f'''#!/bin/sh
echo "$(pwd) $*" >>"{self.calls_file}"
echo "recon says something"
code=$(head -n 1 "{self.codes_file}")
sed -i 1d "{self.codes_file}"
exit "$code"
'''
        )
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        self.settings("time_zone: Asia/Seoul\n")

    def settings(self, text: str) -> None:
        (self.workspace / "recon.yaml").write_text(f'version: "1"\nname: shop\n{text}')

    def run(
        self, *codes: int, now: datetime | None = None, args: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        self.codes_file.write_text("".join(f"{code}\n" for code in codes))
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "RECON_WAIT": "0", "TZ": "America/New_York", **environment}
        if now is not None:
            env["RECON_NOW"] = str(int(now.timestamp()))
        command = [str(WRAPPER), str(self.workspace), *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def night(self) -> str:
        """The date of the only call."""
        [call] = self.calls
        return call.split("--date ")[1].split()[0]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def test_a_good_night_says_nothing_and_leaves_a_log(fake: Fake) -> None:
    done = fake.run(0, args=("2026-11-19",))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert fake.calls == [f"{fake.workspace} run --date 2026-11-19"]
    assert "recon says something" in (fake.workspace / "logs" / "recon-2026-11-19.log").read_text()


def test_r31_an_alarm_is_mailed_after_a_good_night_too(fake: Fake) -> None:
    command = fake.bin / "recon"
    command.write_text(command.read_text().replace("recon says something", "recon: alarm [card-data] toss.csv"))
    done = fake.run(3, 0, args=("2026-11-19",))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "recon: alarm [card-data] toss.csv\n")


@pytest.mark.parametrize("code", [3, 4])
def test_a_late_input_and_a_system_that_is_down_are_tried_again(fake: Fake, code: int) -> None:
    done = fake.run(code, code, 0, args=("2026-11-19",))
    assert done.returncode == 0
    assert len(fake.calls) == 3
    assert done.stderr == ""


@pytest.mark.parametrize("code", [3, 4])
def test_tries_are_bounded_and_the_last_code_is_passed_on(fake: Fake, code: int) -> None:
    done = fake.run(*[code] * 9, args=("2026-11-19",), RECON_TRIES="3")
    assert done.returncode == code
    assert len(fake.calls) == 3
    assert f"ended with exit {code} after 3 attempt(s)" in done.stderr
    assert "recon says something" in done.stderr


def test_the_codes_may_change_between_attempts(fake: Fake) -> None:
    done = fake.run(4, 3, 5, 0, args=("2026-11-19",))
    assert done.returncode == 5
    assert len(fake.calls) == 3


@pytest.mark.parametrize("code", [1, 2, 5, 6, 10])
def test_what_needs_a_person_is_not_tried_again(fake: Fake, code: int) -> None:
    done = fake.run(code, 0, args=("2026-11-19",))
    assert done.returncode == code
    assert len(fake.calls) == 1
    assert f"exit {code}" in done.stderr


def test_options_reach_the_run(fake: Fake) -> None:
    fake.run(10, args=("2026-11-19",), RECON_ARGS="--fail-on investigate")
    assert fake.calls == [f"{fake.workspace} run --date 2026-11-19 --fail-on investigate"]


@pytest.mark.parametrize(
    ("settings", "now", "night"),
    [
        # 03:30 in Seoul on the 21st is still the 20th in UTC and in New York, where this host pretends to be.
        ("time_zone: Asia/Seoul", "2026-11-20T18:30", "2026-11-20"),
        ("time_zone: 'Asia/Seoul'  # head office", "2026-11-20T18:30", "2026-11-20"),
        ('time_zone: "Pacific/Kiritimati"', "2026-11-20T10:00", "2026-11-20"),
        ("time_zone: Pacific/Niue", "2026-11-20T10:00", "2026-11-18"),
        ("time_zone: UTC", "2026-03-01T00:00", "2026-02-28"),
        # Berlin, the nights on which the clocks change: 23 and 25 hours.
        ("time_zone: Europe/Berlin", "2026-03-29T01:30", "2026-03-28"),
        ("time_zone: Europe/Berlin", "2026-03-29T22:30", "2026-03-29"),
        ("time_zone: Europe/Berlin", "2026-10-25T22:59", "2026-10-24"),
        ("time_zone: Europe/Berlin", "2026-10-25T23:00", "2026-10-25"),
        # Before the cut-off the business date of yesterday is not over.
        ('time_zone: Asia/Seoul\ncut_off: "04:00"', "2026-11-20T18:59", "2026-11-19"),
        ('time_zone: Asia/Seoul\ncut_off: "04:00"', "2026-11-20T19:00", "2026-11-20"),
        ("time_zone: Asia/Seoul\ncut_off: 08:30", "2026-11-20T23:29", "2026-11-19"),
        ("time_zone: Asia/Seoul\ncut_off: 08:30", "2026-11-20T23:30", "2026-11-20"),
        ('time_zone: Asia/Seoul\ncut_off: "00:00"', "2026-11-20T15:00", "2026-11-20"),
    ],
)
def test_the_night_is_the_last_finished_business_date(fake: Fake, settings: str, now: str, night: str) -> None:
    fake.settings(settings + "\n")
    fake.run(0, now=datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert fake.night() == night


def test_without_a_clock_of_its_own_it_reads_the_hosts(fake: Fake) -> None:
    zone = ZoneInfo("Asia/Seoul")
    possible: set[date] = {datetime.now(zone).date()}
    fake.run(0)
    possible.add(datetime.now(zone).date())  # midnight may pass in between
    assert date.fromisoformat(fake.night()) + timedelta(days=1) in possible


@pytest.mark.parametrize(
    ("settings", "named"),
    [("time_zone: Asia/Soul\n", "Asia/Soul"), ("calendar: KR\n", "time_zone ''"), ("time_zone: Asia\n", "Asia")],
)
def test_an_unknown_zone_stops_it(fake: Fake, settings: str, named: str) -> None:
    """date(1) would take it for UTC without a word and reconcile the wrong night."""
    fake.settings(settings)
    done = fake.run(0)
    assert done.returncode == 2
    assert named in done.stderr
    assert fake.calls == []


def test_a_folder_that_is_no_workspace_stops_it(fake: Fake, tmp_path: Path) -> None:
    done = subprocess.run([str(WRAPPER), str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no recon.yaml" in done.stderr


FIELD = r"(\*|\d+)([-/,]\d+)*"


def test_the_crontab_is_one_that_cron_reads() -> None:
    lines = [line for line in (ROOT / "cron" / "crontab.example").read_text().splitlines() if line and line[0] != "#"]
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    jobs = [line for line in lines if not re.match(r"[A-Z_]+=", line)]
    assert ZoneInfo(settings["CRON_TZ"])
    assert "@" in settings["MAILTO"]
    assert all(folder.startswith("/") for folder in settings["PATH"].split(":"))
    assert jobs
    for job in jobs:
        found = re.fullmatch(rf"{FIELD} {FIELD} {FIELD} {FIELD} {FIELD} (?P<command>.+)", job)
        assert found, job
        words = [word for word in found["command"].split() if not re.match(r"[A-Z_]+=", word)]
        assert all(word.startswith("/") for word in words), job
        assert "%" not in job
        assert words[0].endswith("/cron/recon-nightly")


def test_the_timer_names_a_moment_that_systemd_knows() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    timer = (ROOT / "cron" / "recon-nightly.timer").read_text()
    [moment] = re.findall(r"^OnCalendar=(.+)$", timer, re.MULTILINE)
    done = subprocess.run(
        ["systemd-analyze", "calendar", moment], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


SHOP = """\
version: 1
name: shop
time_zone: Asia/Seoul
opening: {empty_from: 2026-11-19}
sources:
  acme: {format: generic_settlement, psp: acme, files: "in/settlement_{date}.csv", expected: daily}
  ledger: {format: generic_ledger, moves: events, files: "in/ledger_{date}.csv"}
  orders: {format: generic_payment_order, moves: changes, files: "in/orders_{date}.csv"}
reconciliations: [payin]
"""
BOOKS = {
    "ledger": "entry_id,account,kind,psp,psp_reference,payment_order_id,currency,amount,posted_at\n"
    "1,psp_receivable,capture,acme,ch_1,PO-1,KRW,5000,2026-11-19 01:00:00\n",
    "orders": "payment_order_id,psp,psp_reference,status,currency,amount,updated_at\n"
    "PO-1,acme,ch_1,SUCCESS,KRW,5000,2026-11-19 01:00:00\n",
}
SETTLED = (
    "psp,natural_id,kind,psp_reference,payment_order_id,currency,amount,occurred_at\n"
    "acme,1,capture,ch_1,PO-1,KRW,5000,2026-11-19 01:00:00\n"
)


def test_with_the_real_command_a_late_file_is_waited_for_and_then_the_night_is_whole(tmp_path: Path) -> None:
    (tmp_path / "recon.yaml").write_text(SHOP)
    (tmp_path / "in").mkdir()
    for name, text in BOOKS.items():
        (tmp_path / "in" / f"{name}_2026-11-19.csv").write_text(text)
    recon = Path(sys.executable).with_name("recon")
    # 03:30 in Seoul: the night of the 19th.
    now = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)
    env = os.environ | {
        "RECON": str(recon),
        "RECON_WAIT": "0",
        "RECON_TRIES": "2",
        "RECON_NOW": str(int(now.timestamp())),
    }

    def nightly() -> subprocess.CompletedProcess[str]:
        command = [str(WRAPPER), str(tmp_path)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    late = nightly()
    assert late.returncode == 3, late.stderr
    assert "after 2 attempt(s)" in late.stderr
    (tmp_path / "in" / "settlement_2026-11-19.csv").write_text(SETTLED)
    whole = nightly()
    assert (whole.returncode, whole.stderr) == (0, ""), (tmp_path / "logs" / "recon-2026-11-19.log").read_text()
    summary = json.loads((tmp_path / "nights" / "2026-11-19" / "summary.json").read_text())
    assert summary["verdict"] == "reconciled"
