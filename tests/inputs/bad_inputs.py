"""The bad-input list at the level of a night: a source for every row of it, all in one workspace, and what must become of each.

One night reads all files that have to be set aside, another all files whose rows are refused or kept as they stand; so that a
night is asked once and every row of the list is a test of its own.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from input_shop import HEADER, Shop

BANK = Path(__file__).parents[1] / "ingest" / "bank"
NIGHT = "2026-10-13"
ZIPPED_BOMB = 40 * 2**20


@dataclass(frozen=True)
class Case:
    """A file and what a night says of it.

    id       the row of the list, then what is wrong
    file     its bytes; `name` its name behind the source's own; `source` what the source declares besides `files`
    reason   a part of what is said of a file that is set aside; `remedy` of what to do
    refused  (line, column, found, a part of what was expected) of the only refused row
    """

    id: str
    file: bytes
    name: str = "a.csv"
    source: str = "format: generic_settlement, psp: toss"
    reason: str = ""
    code: str = "unreadable"
    remedy: str = ""
    refused: tuple[int, str, str, str] | None = None
    kept: tuple[tuple[str, object], ...] = ()  # fields of the first record that was read
    rows: int = 0  # rows that are read
    warning: str = ""
    key: str = ""  # of the break that a row opens, and its code
    broken: str = ""
    changes: tuple[tuple[str, str], ...] = ()  # of the format: a format of its own

    @property
    def source_name(self) -> str:
        return (
            self.id.partition(" ")[0]
            + "_"
            + "".join(c if c.isalnum() else "_" for c in self.id.partition(" ")[2])[:40].lower()
        )


def line(n: object = 1, **values: str) -> str:
    """A row under HEADER: a sound capture of 1 won that no ledger knows, but for the values given."""
    sound = {
        "natural_id": f"N-{n}",
        "kind": "capture",
        "currency": "KRW",
        "amount": "1",
        "occurred_at": f"{NIGHT} 01:00:00",
    }
    made = {**sound, **values}
    return ",".join(made.get(column, "") for column in HEADER.split(","))


def csv(*rows: str, head: str = HEADER, end: str = "\n") -> bytes:
    return (end.join([head, *rows]) + end).encode()


def bank(name: str, *changes: tuple[str, str]) -> bytes:
    data = (BANK / name).read_bytes()
    for old, new in changes:
        assert old.encode() in data, old
        data = data.replace(old.encode(), new.encode())
    return data


def zipped(*members: tuple[str, bytes], locked: bool = False) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    data = made.getvalue()
    if locked:  # the flag of every entry says that it is encrypted
        for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            place = data.index(magic) + at
            data = data[:place] + bytes([data[place] | 1]) + data[place + 1 :]
    return data


def mt940(opening: str, closing: str, day: str, sequence: str, *lines: str, account: str = "KR-1") -> str:
    """A statement of one account: mt940("0,00", "500,00", "261013", "40", "C500,00")."""
    rows = [f":61:{day}{day[2:]}{each}NTRFREF//B-{sequence}-{n}" for n, each in enumerate(lines)]
    head = [f":20:ST{day}", f":25:{account}", f":28C:{sequence}/1", f":60F:C{day}EUR{opening}"]
    return "\n".join([*head, *rows, f":62F:C{day}EUR{closing}", "-", ""])


def bank_source(fmt: str) -> str:
    return f"format: {fmt}, psp: toss"


SOUND = csv(line(1), line(2))
PACKED = "format: generic_settlement, psp: toss, unpack: [{}]"
BAI2, MT940, CAMT, OFX = (bank_source(each) for each in ("bai2", "mt940", "camt053", "ofx"))

ASIDE = [
    Case("f01 no bytes", b"", reason="the file is empty", code="empty", remedy="recon inputs accept"),
    Case("f01 a header alone", csv(), reason="no rows", code="empty", remedy="recon inputs accept"),
    Case("f09 the last line is cut", bank("bai2.txt").partition(b"99,")[0], "a.bai", BAI2, "trailer (99) is missing"),
    Case("f09 a document ends early", bank("camt053.xml")[:900], "a.xml", CAMT, "line"),
    Case("f09 a statement without its closing balance", bank("mt940.sta", (":62F:C261120EUR1350,45\n", "")), "a.sta", MT940, "balance (:6"),
    Case("f09 OFX that ends early", bank("ofx2.ofx")[:700], "a.ofx", OFX, "ends"),
    Case("f11 a trailer that counts otherwise", bank("bai2.txt", ("99,391800,1,16/", "99,391800,1,15/")), "a.bai", BAI2, "the file claims records 15, 16 found", "control_total"),
    Case("f11 a count of lines in MT942", bank("mt942.sta", (":90C:2EUR", ":90C:7EUR")), "a.sta", bank_source("mt942"), "counts of lines", "control_total"),
    Case("f12 a trailer that sums otherwise", bank("bai2.txt", ("49,390000,", "49,390001,")), "a.bai", BAI2, " found", "control_total"),
    Case("f12 a balance that the lines do not lead to", bank("mt940.sta", (":62F:C261119EUR1350,45", ":62F:C261119EUR1350,46")), "a.sta", MT940, "the closing balance is 1350.46 EUR", "control_total", "ask the provider for the file again"),
    Case("f13 statements of one file that do not follow", bank("mt940.sta", (":60F:C261119EUR1350,45", ":60F:C261119EUR1350,00"), (":62F:C261120EUR1350,45", ":62F:C261120EUR1350,00")), "a.sta", MT940, "opens with 1350.00 EUR, but NL02SHOP0123456789 statement 223/1 closes with 1350.45 EUR", "control_total"),
    Case("f14 a record behind the trailer", bank("bai2.txt") + b"16,195,1,,,,/\n", "a.bai", BAI2, "after the file's trailer"),
    Case("f14 two trailers", bank("bai2.txt") + b"99,391800,1,16/\n", "a.bai", BAI2, "after the file's trailer"),
    Case("f15 gzip that ends early", gzip.compress(SOUND)[:-12], "a.gz", PACKED.format("gzip"), "gzip", remedy="again"),
    Case("f15 gzip with something behind it", gzip.compress(SOUND) + b"junk", "a.gz", PACKED.format("gzip"), "gzip"),
    Case("f15 bz2 that ends early", bz2.compress(SOUND)[:-12], "a.bz2", PACKED.format("bz2"), "bz2"),
    Case("f16 a bomb", gzip.compress(b"0" * ZIPPED_BOMB, 9), "a.gz", PACKED.format("gzip"), "times"),
    Case("f17 a zip with two files", zipped(("a.csv", SOUND), ("b.csv", SOUND)), "a.zip", PACKED.format("zip"), "2 files"),
    Case("f17 a name that leads out of the zip", zipped(("../a.csv", SOUND)), "a.zip", PACKED.format("zip"), "../a.csv"),
    Case("f17 a locked zip", zipped(("a.csv", SOUND), locked=True), "a.zip", PACKED.format("zip"), "password"),
    Case("f19 UTF-16 that nobody declared", SOUND.decode().encode("utf-16"), reason="it is UTF-16 text", remedy="encoding: utf-16"),
    Case("f20 CP949 read as UTF-8", csv(line(psp_reference="x")).replace(b"x", "주문".encode("cp949")), reason="byte 0xC1 at offset", remedy="cp949"),
    Case("f21 a syllable that only CP949 has", csv(line(psp_reference="x")).replace(b"x", "뷁".encode("cp949")), reason="is not euc_kr", remedy="cp949", changes=(("encoding: utf-8", "encoding: euc-kr"),)),
    Case("f24 a quote that never closes", csv(line(1), line(2, psp_reference='"x'), line(3)), reason="line 3: a quote is opened and never closed", remedy="ask the provider for the file again"),
    Case("f25 another delimiter", SOUND.replace(b",", b";"), reason="required column(s) missing", remedy="delimiter"),
    Case("f25 a delimiter that changes midway", csv(*(line(n) for n in range(3)), *(line(n).replace(",", ";") for n in range(20))), reason="20 of 23 rows cannot be read (more than 1 % and 10 rows)", remedy="check that this is the right format"),
    Case("f27 a renamed column", SOUND.replace(b"amount", b"amounts", 1), reason='1 required column(s) missing: "amount" (the file has "amounts")', remedy="compare the header with the format's columns"),
    Case("f28 a column that is there twice", csv(line(1) + ",1", head=HEADER + ",amount"), reason='"amount" twice'),
    Case("f29 a login page", b"<!DOCTYPE html><html><body>Log in", reason="it is a web page (HTML)", remedy="fetch it again"),
    Case("f29 an error of the object store", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', reason="an error document of the object store"),
    Case("f29 a PDF", b"%PDF-1.7 x", reason="it is a PDF"),
    Case("f30 a DOCTYPE", bank("camt053.xml").replace(b"?>", b'?><!DOCTYPE x [<!ENTITY e "x">]>', 1), "a.xml", CAMT, "DOCTYPE"),
    Case("f30 a version that nobody declared", bank("camt053.xml").replace(b"camt.053.001.", b"camt.053.999."), "a.xml", CAMT, "camt.053"),
    Case("f33 a field past the cap", csv(line(1, psp_reference="x" * (2**20 + 10))), reason="longer than"),
    Case("f34 another account", csv(line(1) + ",US-9", head=HEADER + ",account"), source="format: generic_settlement, psp: toss, account: KR-1", reason="account US-9, but the source is declared for KR-1", code="stranger"),
    Case("f34 a bank's test file", bank("bai2.txt", ("BANKUS33,1,", "BANKUS33,4,")), "a.bai", BAI2, "is a test"),
]  # fmt: skip


def refused(id: str, found: str, expected: str, column: str = "amount", **values: str) -> Case:
    """A file of three rows, of which the second is refused."""
    own = {column: found, **values}
    quoted = {name: f'"{value}"' if "," in value else value for name, value in own.items()}
    return Case(
        id,
        csv(line(1), line(2, payment_order_id=f"PO-{id[:3]}", **quoted), line(3)),
        refused=(3, column, found, expected),
        rows=2,
    )


PLAIN = 'a number with "." before the decimals'
ROWS = [
    Case("f10 no newline at the end", SOUND.rstrip(b"\n"), rows=2),
    Case("f15 several gzip members", gzip.compress(csv(line(1))) + gzip.compress((line(2) + "\n").encode()), "a.gz", PACKED.format("gzip"), rows=2),
    Case("f18 a byte order mark", b"\xef\xbb\xbf" + SOUND, rows=2),
    Case("f19 UTF-16 that is declared", SOUND.decode().encode("utf-16"), rows=2, changes=(("encoding: utf-8", "encoding: utf-16"),)),
    Case("f22 a NUL byte", csv(line(1), line("\x00"), line(3)), refused=(3, "(row)", "a NUL byte", "text without NUL bytes"), rows=2),
    Case("f23 only CR and LF end a row", csv(line(1, psp_reference="a\u2028b"), line(2, psp_reference="a\x85b"), line(3, psp_reference="a\x1cb"), end="\r"), rows=3, kept=(("psp_reference", "a\u2028b"),)),
    Case("f26 columns in another order", csv(*(",".join(reversed(each.split(","))) for each in (line(1), line(2))), head=",".join(reversed(HEADER.split(",")))), rows=2, kept=(("amount", 1),)),
    Case("f27 one column more", csv(line(1) + ",red", head=HEADER + ",Colour"), rows=1, warning='left unread: "Colour"'),
    refused("r01 marks that nobody declared", "1,000", PLAIN),
    refused("r01 a currency sign", "₩1000", PLAIN),
    refused("r02 an exponent", "1e3", PLAIN),
    refused("r03 an underscore", "1_000", PLAIN),
    refused("r04 full-width digits", "１２３", PLAIN),
    refused("r05 a minus that is none", "−5", PLAIN),
    refused("r06 brackets", "(5)", PLAIN),
    refused("r06 a sign behind", "5-", PLAIN),
    Case("r07 a zero is a zero", csv(line(1, amount="-0"), line(2, amount="0")), rows=2, kept=(("amount", 0),)),
    refused("r08 NaN", "NaN", PLAIN),
    refused("r08 Infinity", "Infinity", PLAIN),
    Case("r09 a dash", csv(line(1), line(2, amount="-")), refused=(3, "amount", "'-", PLAIN), rows=1),
    refused("r09 N/A", "N/A", PLAIN),
    refused("r10 half a won", "1000.5", "at most 0 of them for KRW"),
    refused("r10 a third decimal", "1.005", "at most 2 of them for USD", currency="USD"),
    Case("r11 four decimals", csv(line(1, currency="CLF", amount="1.2345"), line(2, currency="KWD", amount="1.234")), rows=2, kept=(("amount", 12345),)),
    refused("r11 a code that is none", "krw", "ISO 4217", "currency"),
    refused("r13 more than 64 bits", "99999999999999999999", PLAIN),
    refused("r14 a reference that a spreadsheet ruined", "1.23457E+15", "spreadsheet", "psp_reference"),
    Case("r15 two identical rows", csv(line(1), line(1)), rows=2),
    Case("r16 one id with two amounts", csv(line(1), line(1, amount="2")), rows=2, broken="restated_row"),
    Case("r17 one id at two accounts", csv(line(1) + ",A", line(1) + ",B", head=HEADER + ",account"), rows=2),
    Case("r18 one end-to-end id twice", bank("mt940.sta", ("EREF+TX7001XT", "EREF+E-0")), "a.sta", MT940, rows=5),
    Case("r19 a capture and its refund under one id", csv(line(1), line(1, kind="refund", amount="-1")), rows=2),
    Case("r20 too many cells", csv(line(1), line(2) + ",x", line(3)), refused=(3, "(row)", "8 cell(s)", "7 cells, as the header has"), rows=2),
    Case("r20 too few cells", csv(line(1), "N-2,capture", line(3)), refused=(3, "(row)", "2 cell(s)", "7 cells, as the header has"), rows=2),
    Case("r21 ids as they stand", csv(line(1, psp_reference=" Ab\u200b ")), rows=1, kept=(("psp_reference", " Ab\u200b "),)),
    Case("r22 Hangul in two forms", csv(line(1, psp_reference="\u1112\u1161\u11ab")), rows=1, kept=(("psp_reference", "한"),)),
    refused("r23 a day that is none", "2026-02-31 00:00:00", "%Y-%m-%d", "occurred_at"),
    refused("r24 1970", "1970-01-01 00:00:00", "from 2000-01-01 to 2098-12-31", "occurred_at"),
    Case("r25 a time that the clocks skip", csv(line(1, occurred_at="2026-03-08 02:30:00"), line(2)), refused=(2, "occurred_at", "2026-03-08 02:30:00", "that exists in its zone"), rows=1, changes=(("zone: UTC", "zone: America/New_York"),)),
    Case("r26 a row of the day before", csv(line(1, occurred_at="2026-10-12 14:59:59")), rows=1, kept=(("business_date", date(2026, 10, 12)),)),
    Case("r27 a formula", csv(line(1, psp_reference="=HYPERLINK(1)")), rows=1, kept=(("psp_reference", "=HYPERLINK(1)"),)),
    Case("r28 a script", csv(line(1, psp_reference="</script>{{7*7}}")), rows=1, kept=(("psp_reference", "</script>{{7*7}}"),)),
    Case("r29 a text that runs backwards", csv(line(1, psp_reference="a\u202eb")), rows=1, kept=(("psp_reference", "a\u202eb"),)),
    Case("r30 a card number", csv(line(1) + ",paid with 4111111111111111", head=HEADER + ",memo"), rows=1, kept=(("memo", "paid with ************1111"),)),
    Case("r31 a verification code", csv(line(1) + ",4111111111111111 CVV 123", line(2) + ",", head=HEADER + ",memo"), refused=(2, "memo", "", "no card verification code"), rows=1, warning="1 row(s) with card verification or track data, first in line 2"),
    Case("r32 an escape", csv(line(1, psp_reference="a\x1b[31mb")), rows=1, kept=(("psp_reference", "a\x1b[31mb"),)),
    Case("r33 SQL", csv(line(1, psp_reference="'; DROP TABLE x; --")), rows=1, kept=(("psp_reference", "'; DROP TABLE x; --"),)),
    Case("r34 a net that is not the rest", csv(line(1) + ",1,1", head=HEADER + ",fee,net"), rows=1, warning="net"),
]  # fmt: skip


def shop(root: Path, cases: list[Case]) -> Shop:
    """A workspace with a source and a file for each case, beside a provider whose file is sound."""
    lines = []
    for case in cases:
        source = case.source
        if case.changes:
            source = source.replace("generic_settlement", f"own_{case.source_name}")
        lines.append(f'  {case.source_name}: {{{source}, files: "in/{case.source_name}_{{date}}_{case.name}"}}\n')
    made = Shop(root / "shop", more="".join(lines))
    shipped = (Path(__file__).parents[2] / "rules" / "formats" / "generic_settlement.yaml").read_text("utf-8")
    for case in cases:
        if case.changes:
            text = shipped.replace("format: generic_settlement", f"format: own_{case.source_name}")
            for old, new in case.changes:
                assert old in text
                text = text.replace(old, new, 1)
            made.write(f"rules/formats/own_{case.source_name}.yaml", text)
        (made.root / "in" / f"{case.source_name}_{NIGHT}_{case.name}").write_bytes(case.file)
    made.pay(NIGHT, T1=10000, T2=20000)
    made.settle(f"toss_{NIGHT}.csv", T1=10000, T2=20000)
    return made
