"""Fuzz one target, guided by coverage: `python tests/fuzz/fuzz.py read:toss_settlements --seconds 600`.

Starts from the kept corpus, works in a folder of its own, and leaves a crashing input as `crash-*` in it. An input that
takes over 10 s of processor time or more than 2 GB of memory is a crash too, and one that is not done after two minutes, however
busy the machine is, a timeout.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
with atheris.instrument_imports(include=["recon"]):
    import fuzz_targets

CPU_SECONDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=fuzz_targets.targets())
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--work", type=Path, required=True, help="a folder for what is found")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(fuzz_targets.seeds(given.target)):
        shutil.copyfile(seed, given.work / f"seed-{number}")
    limits = [f"-max_total_time={given.seconds}", "-timeout=120", "-rss_limit_mb=2048", "-max_len=16384"]
    places = [f"-artifact_prefix={given.work}/", str(given.work)]
    target = fuzz_targets.targets()[given.target]

    def timed(data: bytes) -> None:
        before = time.process_time()
        target(data)
        taken = time.process_time() - before
        if taken > CPU_SECONDS:
            raise TimeoutError(f"{taken:.1f} s of processor time")

    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", *places], timed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
