"""Rows per second of each reader, money, provenance and refusals included; delimited files beside two bare CSV reads.

    python benchmarks/readers.py [--rows 1000000]
    python benchmarks/readers.py --gigabytes 10      one delimited file of that size, and one of a quarter: does memory grow?

Contenders on the same settlement CSV, each in a process of its own, in turn within every round:
  duckdb    every column as text, the longest value of each     (what `x duckdb` compares with)
  pyarrow   pyarrow.csv, every column as text, streamed
  recon     `read_file`: bytes proved, amounts and times read, records in Parquet
With --gigabytes the file is the CSV's rows over and over, is taken away afterwards, and more than 2 GB of memory is exit 1.
The other readers (JSON, camt.053, MT940) read made-up files of a tenth of the rows; nothing bare stands beside them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
PEAK_MB = 2048  # what a file of any size has to be read within
sys.path.insert(0, str(HERE.parent))


def toss(path: Path, rows: int) -> None:
    """Settlements of Toss Payments, one line each."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for n in range(rows):
            row = {"mId": "shop", "paymentKey": f"pk{n}", "transactionKey": f"tk{n}", "orderId": f"ORD-{n}"}
            row |= {"currency": "KRW", "method": "카드", "amount": 10000 + n, "fees": [{"type": "BASE", "fee": 300}]}
            row |= {"fee": 300, "supplyAmount": 273, "vat": 27, "payOutAmount": 9700 + n}
            row |= {"approvedAt": "2026-11-17T10:00:00+09:00", "soldDate": "2026-11-17", "paidOutDate": "2026-11-19"}
            file.write(("," if n else "") + "\n" + json.dumps(row, ensure_ascii=False))
        file.write("\n]\n")


def camt(path: Path, rows: int) -> None:
    """One statement of credits of 1.00 EUR each."""
    entry = (
        '<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-19</Dt></BookgDt>'
        "<ValDt><Dt>2026-11-19</Dt></ValDt><AcctSvcrRef>B-{n}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>E-{n}</EndToEndId></Refs>"
        "<RmtInf><Ustrd>payout {n}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )
    balance = (
        '<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>2026-11-19</Dt></Dt></Bal>\n"
    )
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
            "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-20T05:00:00+01:00</CreDtTm></GrpHdr><Stmt><Id>1</Id>"
            "<Acct><Id><IBAN>NL02SHOP0123456789</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
        )
        file.write(balance.format(code="OPBD", amount=0) + balance.format(code="CLBD", amount=rows))
        file.writelines(entry.replace("{n}", str(n)) for n in range(rows))
        file.write("</Stmt></BkToCstmrStmt></Document>\n")


def mt940(path: Path, rows: int) -> None:
    """One statement of credits of 1,00 EUR each."""
    with path.open("w", encoding="ascii") as file:
        file.write(":20:ST\n:25:NL02SHOP0123456789\n:28C:1/1\n:60F:C261119EUR0,00\n")
        file.writelines(f":61:2611191119CR1,00NTRFE{n}//B{n}\n:86:payout {n}\n" for n in range(rows))
        file.write(f":62F:C261119EUR{rows},00\n")


MADE: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "json": ("toss_settlements", toss),
    "camt.053": ("camt053", camt),
    "mt940": ("mt940", mt940),
}


def read_duckdb(path: Path) -> int:
    import duckdb

    columns = path.open(encoding="utf-8").readline().strip().split(",")
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
    longest = ", ".join(f"max(strlen({name}))" for name in columns)
    source = f"read_csv('{path}', columns = {{{types}}}, header = true, auto_detect = false, delim = ',', quote = '\"')"
    return int(duckdb.sql(f"select count(*), {longest} from {source}").fetchall()[0][0])


def read_pyarrow(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.csv as csv

    columns = path.open(encoding="utf-8").readline().strip().split(",")
    options = csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()))
    return sum(batch.num_rows for batch in csv.open_csv(path, convert_options=options))


def read_recon(path: Path, name: str) -> int:
    """A file as a night reads it; every row has to be a record."""
    import tempfile
    from datetime import time as clock
    from zoneinfo import ZoneInfo

    from recon.config.format_file import load_format
    from recon.domain.rulebook import Moves, Source
    from recon.engine.duck import Engine
    from recon.ingest.files import Limits, read_file

    fmt = load_format(HERE.parent / "rules" / "formats" / f"{name}.yaml")
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        engine = Engine(Path(folder) / "spill", "1GB", 2)
        source = Source("bench", fmt.record, Moves.EVENTS, psp="" if "psp" in fmt.fields else "acme")
        out, zone = Path(folder) / "out", ZoneInfo("UTC")
        loaded = read_file(engine, source, fmt, path, path.name, "0" * 64, out, zone, clock(0), Limits(1, 10))
        engine.close()
    if loaded.set_aside or loaded.quarantined:
        sys.exit(f"{path.name}: {loaded.set_aside or loaded.quarantined}")
    return loaded.read


def one(what: str, path: Path) -> None:
    """One contender in this process: rows, seconds and peak memory as JSON; imports are not timed."""
    import duckdb  # noqa: F401
    import numpy  # noqa: F401 - so that no contender pays for it
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401

    bare = {"duckdb": read_duckdb, "pyarrow": read_pyarrow}
    started = time.perf_counter()
    rows = bare[what](path) if what in bare else read_recon(path, what)
    seconds = time.perf_counter() - started
    print(json.dumps([rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))


def timed(what: str, path: Path, rounds: int) -> tuple[int, float, int]:
    """Rows, the best seconds and the peak megabytes over the rounds."""
    command = [sys.executable, __file__, "--one", what, str(path)]
    said = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(rounds)]
    return said[0][0], min(each[1] for each in said), max(each[2] for each in said)


def settlement(rows: int) -> Path:
    """The folder with the settlement CSV of so many payments, made where it is not there."""
    OUT.mkdir(exist_ok=True)
    data = OUT / f"readers-{rows}"
    if not (data / "settlement.csv").exists():
        command = [sys.executable, str(HERE / "make_data.py"), str(data), "--payments", str(rows)]
        subprocess.run(command, check=True)
    return data


def large(gigabytes: float, rows: int) -> int:
    """Rows, seconds and peak memory of one delimited file of a quarter of the size and of all of it."""
    head, _, body = (settlement(rows) / "settlement.csv").read_bytes().partition(b"\n")
    path, worst = OUT / "large.csv", 0
    print(f"{'gigabytes':>9} {'rows':>12} {'seconds':>8} {'rows/s':>11} {'peak MB':>8}")
    try:
        for size in (gigabytes / 4, gigabytes):
            with path.open("wb") as file:
                file.write(head + b"\n")
                while file.tell() < size * 10**9:
                    file.write(body)
            count, seconds, peak = timed("generic_settlement", path, 1)
            worst = max(worst, peak)
            print(f"{size:>9.2f} {count:>12,} {seconds:>8.2f} {count / seconds:>11,.0f} {peak:>8}", flush=True)
    finally:
        path.unlink(missing_ok=True)
    return int(worst > PEAK_MB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=0, help="read one delimited file of this size instead")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], Path(given.one[1]))
        return
    if given.gigabytes:
        sys.exit(large(given.gigabytes, given.rows))
    data = settlement(given.rows)
    print(f"{'':<10} {'rows':>10} {'seconds':>8} {'rows/s':>11} {'peak MB':>8} {'x duckdb':>9}")
    bare = 0.0
    for what in ("duckdb", "pyarrow", "generic_settlement"):
        rows, seconds, peak = timed(what, data / "settlement.csv", given.rounds)
        bare = bare or rows / seconds
        shown = "delimited" if what == "generic_settlement" else what
        print(
            f"{shown:<10} {rows:>10,} {seconds:>8.2f} {rows / seconds:>11,.0f} {peak:>8} {rows / seconds / bare:>9.2f}"
        )
    for shown, (name, make) in MADE.items():
        path = data / name
        if not path.exists():
            make(path, given.rows // 10)
        rows, seconds, peak = timed(name, path, 1)
        print(f"{shown:<10} {rows:>10,} {seconds:>8.2f} {rows / seconds:>11,.0f} {peak:>8} {'-':>9}")


if __name__ == "__main__":
    main()
