"""Workbook: a night's report as report.xlsx, for people who go on working in a spreadsheet.

Reads    NightFacts
Writes   sheets Summary, Breaks, Fixes, Ageing, Inputs, Quarantine, About; the same bytes for the same facts
Checks   the Summary counts the breaks and adds up the tie-out with live formulas that say OK or by how much not
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from recon.domain.money import exponent
from recon.report import view
from recon.report.data import ordered, sides_of
from recon.report.facts import FixFact, NightFacts
from recon.report.sheets import MAX_ROWS, Cell, Formula, Money, Sheets, exact_number


def write_workbook(facts: NightFacts, path: Path) -> None:
    """Write the workbook of `facts` to `path`."""
    import xlsxwriter  # heavy, and only a night that writes its report needs it

    book = xlsxwriter.Workbook(
        str(path),
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    midnight = datetime.fromisoformat(f"{facts.night.isoformat()}T00:00:00+00:00")  # not the time of the run
    book.set_properties({"title": f"Reconciliation {facts.night.isoformat()}", "created": midnight})
    sheets = Sheets(book)
    _summary(sheets, facts)
    breaks_sheets = _breaks(sheets, facts)
    _fixes(sheets, facts)
    _ageing(sheets, facts)
    _inputs(sheets, facts)
    sheets.table(
        "Quarantine",
        (
            ("File", 34),
            ("SHA-256", 20),
            ("Line", 8),
            ("Column", 22),
            ("Found", 26),
            ("Expected", 44),
            ("Row as it stood", 80),
        ),
        ((q.file, q.sha256, q.line, q.column, q.found, q.expected, q.raw) for q in facts.quarantine),
    )
    _about(sheets, facts, breaks_sheets)
    try:
        book.close()
    except xlsxwriter.exceptions.FileCreateError as error:
        raise error.args[0] from None  # the OSError itself, so that a full disk is known as one


_TIE_OUT = (
    ("PSP", 22),
    ("Currency", 10),
    ("PSP says", 17),
    ("Ledger says", 17),
    ("In transit", 15),
    ("In breaks", 15),
    ("Unexplained", 14),
    ("Check", 14),
    ("Cleared tonight", 17),
    ("Groups cleared", 10),
    ("In transit", 10),
    ("Broken", 10),
    ("Reconciliation", 16),
)


def _summary(sheets: Sheets, facts: NightFacts) -> None:
    """Verdict, counts checked against the Breaks sheet, and the tie-out with a live check of every line."""
    sheet = sheets.add("Summary", _TIE_OUT)
    sheets.title(sheet, 0, f"{facts.workspace}, night of {facts.night.isoformat()}: {facts.verdict}", 14)
    sheets.cell(sheet, 1, 0, facts.sentence)
    sheets.header(sheet, 3, (("Breaks", 0), ("Count", 0), ("In sheet Breaks", 0), ("Check", 0)))
    held = [b.class_ for b in facts.breaks if b.state != "resolved"]
    line = 4
    for class_ in (*view.CLASSES, *sorted(set(facts.by_class) - set(view.CLASSES))):
        count, listed = facts.by_class.get(class_, 0), held.count(class_)
        counted = Formula(f'=COUNTIFS(Breaks!C:C,A{line + 1},Breaks!E:E,"<>resolved")', listed)
        if len(facts.breaks) >= MAX_ROWS:
            counted = Formula(f"={listed}", listed)  # the list runs over several sheets
        check = Formula(
            f'=IF(B{line + 1}=C{line + 1},"OK","DIFF "&(B{line + 1}-C{line + 1}))', _checked(count - listed)
        )
        sheets.row(sheet, line, (class_, count, counted, check))
        line += 1
    sheets.row(sheet, line, ("resolved tonight", facts.breaks_resolved))
    if len(facts.breaks) < facts.breaks_open + facts.breaks_resolved:
        sheets.cell(sheet, line + 1, 0, "Sheet Breaks lists the most severe and oldest; all are in breaks.csv.")
    sheets.title(sheet, line + 2, "Tie-out: PSP says - ledger says = in transit + in breaks + unexplained")
    sheets.header(sheet, line + 3, _TIE_OUT)
    for n, tie in enumerate(facts.tie_out, start=line + 4):
        amounts = [tie.external, tie.internal, tie.pending, tie.breaks, tie.residual]
        sheets.row(
            sheet,
            n,
            (
                tie.psp,
                tie.currency,
                *(Money(amount, tie.currency) for amount in amounts),
                _tie_check(n + 1, amounts, tie.currency),
                Money(tie.cleared, tie.currency),
                tie.groups_cleared,
                tie.groups_pending,
                tie.groups_broken,
                tie.reconciliation,
            ),
        )


def _tie_check(row: int, amounts: Sequence[str], currency: str) -> Cell:
    """OK where the line adds up and nothing is unexplained. No formula can check amounts that are text here."""
    if any(exact_number(amount, currency) is None for amount in amounts):
        return "too large to check in a spreadsheet"
    external, internal, pending, breaks, residual = map(Decimal, amounts)
    places = max(exponent(currency) or 0, *(len(amount.partition(".")[2]) for amount in amounts))
    left = external - internal - pending - breaks
    # What the cells leave unexplained; the stated residual has to be that, and zero.
    gap = f"ROUND(C{row}-D{row}-E{row}-F{row},{places})"
    text = f'=IF(AND({gap}=0,ROUND(G{row},{places})=0),"OK","DIFF "&{gap})'
    return Formula(text, "OK" if left == 0 and residual == 0 else f"DIFF {left.normalize():f}")


def _checked(difference: int) -> str:
    return "OK" if difference == 0 else f"DIFF {difference}"


def _breaks(sheets: Sheets, facts: NightFacts) -> list[str]:
    breaks = ordered(facts.breaks)
    sides = sides_of(breaks)
    columns = (
        ("Break", 24),
        ("Key", 34),
        ("Class", 15),
        ("Code", 24),
        ("State", 12),
        ("PSP", 10),
        ("Currency", 9),
        *((side, 15) for side in sides),
        ("Difference", 15),
        ("Age, business days", 10),
        ("First seen", 12),
        ("Due by", 12),
        ("Owner", 18),
        ("Why", 60),
        ("Next step", 60),
        ("Note", 30),
        ("Rule", 30),
        ("Fix", 22),
        ("Provenance", 50),
        ("Reconciliation", 16),
    )
    rows = (
        (
            b.break_id,
            b.key,
            b.class_,
            b.code,
            b.state,
            b.psp,
            b.currency,
            *(Money(b.amounts.get(s), b.currency or "") for s in sides),
            Money(b.difference, b.currency or ""),
            b.age_days,
            b.first_seen,
            b.deadline,
            b.owner,
            b.why,
            b.next_step,
            b.reason,
            b.rule,
            b.fix_id,
            b.provenance,
            b.reconciliation,
        )
        for b in breaks
    )
    return sheets.table("Breaks", columns, rows)


def _fixes(sheets: Sheets, facts: NightFacts) -> None:
    """A row per posting of a journal, and per field of an update."""
    columns = (
        ("Fix", 22),
        ("Break", 24),
        ("Template", 20),
        ("Status", 12),
        ("Currency", 9),
        ("Account or field", 26),
        ("Debit", 15),
        ("Credit", 15),
        ("Seen", 20),
        ("Set to", 20),
        ("Kind", 10),
        ("Amount", 15),
        ("Memo", 44),
        ("Record", 30),
        ("Idempotency key", 50),
        ("Content SHA-256", 30),
    )
    fixes = sorted(facts.fixes, key=lambda fix: (fix.break_id, fix.fix_id))
    sheets.table("Fixes", columns, (row for fix in fixes for row in _fix_rows(fix)))


def _fix_rows(fix: FixFact) -> Iterator[Sequence[Cell]]:
    """The fix's lines; what a filter needs stands on each, what is said once on the first."""
    amount = Money(fix.amount, fix.currency)
    lines: list[Sequence[Cell]] = []
    for posting in fix.postings:
        credit = posting.amount.startswith("-")
        money = Money(posting.amount.removeprefix("-"), posting.currency)
        lines.append((posting.account, None if credit else money, money if credit else None))
    for name in dict.fromkeys((*fix.seen, *fix.set)):
        lines.append((name, None, None, fix.seen.get(name), fix.set.get(name)))
    for n, line in enumerate(lines or [()]):
        start = (fix.fix_id, fix.break_id, fix.template, fix.status, fix.currency)
        told = (fix.kind, amount, fix.memo, fix.record, fix.idempotency_key, fix.content_sha256)
        yield (*start, *line, *(None,) * (5 - len(line)), *(told if n == 0 else ()))


def _ageing(sheets: Sheets, facts: NightFacts) -> None:
    columns = (("Class", 18), *((f"{bucket} business days", 12) for bucket in view.BUCKETS), ("All", 12))
    last = chr(ord("A") + len(view.BUCKETS))
    rows = view.ageing(facts)
    sheets.table(
        "Ageing",
        columns,
        (
            (row.class_, *(count for _, count, _ in row.cells), Formula(f"=SUM(B{n}:{last}{n})", row.total))
            for n, row in enumerate(rows, start=2)
        ),
    )


def _inputs(sheets: Sheets, facts: NightFacts) -> None:
    """A row per input and total that was read from it; the counts stand on the input's first row only."""
    columns = (
        ("Source", 22),
        ("File or query", 40),
        ("SHA-256", 30),
        ("Status", 12),
        ("Late", 8),
        ("Arrived", 24),
        ("Rows", 10),
        ("Read", 10),
        ("Quarantined", 11),
        ("Replayed", 10),
        ("Restated", 10),
        ("Controls", 44),
        ("Note", 40),
        ("Total of", 16),
        ("Currency", 9),
        ("Rows in total", 10),
        ("Amount", 17),
    )
    rows: list[Sequence[Cell]] = []
    for i in facts.inputs:
        controls = "; ".join(
            f"{name}: {outcome}" + (f" ({detail})" if detail else "") for name, outcome, detail in i.controls
        )
        counts = (i.rows, i.read, i.quarantined, i.replayed, i.restated)
        first: Sequence[Cell] = (
            i.source,
            i.name,
            i.sha256,
            i.status,
            "late" if i.late else "",
            i.arrival,
            *counts,
            controls,
            "; to do: ".join(filter(None, (i.reason, i.remedy))),
        )
        again: Sequence[Cell] = (i.source, i.name, i.sha256, *(None,) * 10)
        totals: list[Sequence[Cell]] = [(kind, c, count, Money(amount, c)) for kind, c, count, amount in i.totals]
        rows.append((*first, *(totals[0] if totals else ())))
        rows.extend((*again, *total) for total in totals[1:])
    sheets.table("Inputs", columns, rows)


def _about(sheets: Sheets, facts: NightFacts, breaks_sheets: Sequence[str]) -> None:
    total = max(facts.breaks_open + facts.breaks_resolved, len(facts.breaks))
    sheets.table(
        "About",
        (("What", 24), ("Value", 90)),
        (
            ("Workspace", facts.workspace),
            ("Night", facts.night),
            ("Time zone and cut-off", f"{facts.time_zone}, {facts.cut_off}"),
            ("Carried on from", facts.previous_night or "the first night"),
            ("Verdict", facts.verdict),
            ("Records read", facts.records_total),
            *((f"Groups {name}", count) for name, count in facts.groups.items()),
            ("Breaks listed", f"{len(facts.breaks):,} of {total:,}, in {', '.join(breaks_sheets)}"),
            ("Tool", f"recon {facts.tool_version}"),
            ("Configuration SHA-256", facts.config_sha256),
            ("Audit trail", f"{facts.audit_records} records, head {facts.audit_head}"),
            ("To reproduce", facts.reproduce),
            ("Reading amounts", "Money to us is positive. A difference is what the PSP says less what we say."),
            ("Prepared by", ""),
            ("Reviewed by", ""),
        ),
    )
