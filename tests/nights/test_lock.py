"""One lock per workspace and date, held by a process: E20 two at once, E21 a holder that died."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from night_shop import LAST, NIGHTS, left_by

HOLD = """
import sys
from datetime import date
from pathlib import Path
from recon.store.lock import night_lock
with night_lock(Path(sys.argv[1]), date.fromisoformat(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(shop: Path, night: str) -> Iterator[subprocess.Popen]:
    """Another process holds the night's lock; it gives it back when the context ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shop), night], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    try:
        yield holder
    finally:
        holder.communicate(timeout=60)


def test_e20_the_second_of_two_runs_exits_6_and_changes_nothing(shop, five_nights, runner):
    with held(shop, LAST):
        second = runner.night(shop)
        assert second.exit == 6 and f"[locked] another run of {LAST}" in second.error
    assert left_by(shop) == left_by(five_nights)
    assert runner.night(shop).exit == 0


def test_e20_a_catch_up_meets_the_lock_too(four_nights, tmp_path, runner):
    from night_shop import copied

    shop = copied(four_nights, tmp_path / "shop")
    with held(shop, LAST):
        assert runner.recon(shop, "catch-up", "--through", LAST).exit == 6


def test_e21_a_dead_holder_keeps_no_lock(shop, runner):
    with held(shop, LAST) as holder:
        assert runner.night(shop).exit == 6
        holder.kill()
        holder.wait(timeout=60)
        assert runner.night(shop).exit == 0


def test_e20_two_dates_do_not_lock_each_other_out(shop, runner):
    with held(shop, NIGHTS[0]):
        assert runner.night(shop, LAST).exit == 0
