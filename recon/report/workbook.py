"""Workbook: a night's report as report.xlsx, for people who go on working in a spreadsheet.

Reads    NightFacts
Writes   sheets Summary, Queue, Fixes, Ageing, Inputs, Quarantine, About; the same bytes for the same facts
Checks   the Summary counts the queue and adds up the tie-out with live formulas that say OK or by how much not
Asks     the Queue has columns to fill in; recon/report/workbook_decisions.py reads them back
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from recon.domain.casework import DECISIONS, REASONS
from recon.domain.money import exponent
from recon.report import view
from recon.report.data import ordered, sides_of
from recon.report.facts import BreakFact, FixFact, NightFacts
from recon.report.sheets import MAX_ROWS, Cell, Formula, Money, Sheets, exact_number, number_format
from recon.report.workbook_decisions import (
    ASSIGN,
    BREAK,
    DECISION,
    FILLED_IN,
    FIX,
    QUEUE,
    REASON,
    REMARK,
    SEEN,
    seen_sha256,
)

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet


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
    columns = _queue_columns(facts)
    _summary(sheets, facts, columns)
    queue_sheets = _queue(sheets, facts, columns)
    _fixes(sheets, facts)
    _ageing(sheets, facts, _Queue(facts, columns))
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
    _about(sheets, facts, queue_sheets)
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


def _summary(sheets: Sheets, facts: NightFacts, columns: Sequence[tuple[str, int]]) -> None:
    """Verdict, counts and open money checked against the queue, and the tie-out with a live check of every line."""
    sheet = sheets.add("Summary", _TIE_OUT)
    sheets.title(sheet, 0, f"{facts.workspace}, night of {facts.night.isoformat()}: {facts.verdict}", 14)
    sheets.cell(sheet, 1, 0, facts.sentence)
    queue = _Queue(facts, columns)
    sheets.header(
        sheet, 3, (("Breaks", 0), ("Count", 0), ("In sheet Queue", 0), ("Check", 0), ("Decided", 0), ("Left", 0))
    )
    held = [b.class_ for b in facts.breaks if b.state != "resolved"]
    line = 4
    for class_ in (*view.CLASSES, *sorted(set(facts.by_class) - set(view.CLASSES))):
        count, listed = facts.by_class.get(class_, 0), held.count(class_)
        counted = decided = Formula(f"={listed}", listed)  # the list runs over several sheets
        if queue.is_one:
            counted = Formula(f'=COUNTIFS({queue["Class"]},A{line + 1},{queue["State"]},"<>resolved")', listed)
            decided = Formula(f'=COUNTIFS({queue["Class"]},A{line + 1},{queue[DECISION]},"?*")', 0)
        check = Formula(
            f'=IF(B{line + 1}=C{line + 1},"OK","DIFF "&(B{line + 1}-C{line + 1}))', _checked(count - listed)
        )
        left = Formula(f"=C{line + 1}-E{line + 1}", listed)
        row: tuple[Cell, ...] = (class_, count, counted, check)
        sheets.row(sheet, line, (*row, decided, left) if queue.is_one else row)
        line += 1
    sheets.row(sheet, line, ("resolved tonight", facts.breaks_resolved))
    if len(facts.breaks) < facts.breaks_open + facts.breaks_resolved:
        sheets.cell(sheet, line + 1, 0, "Sheet Queue lists the most severe and oldest; all are in breaks.csv.")
    line = _open_money(sheets, sheet, line + 3, facts, queue)
    sheets.title(sheet, line, "Tie-out: PSP says - ledger says = in transit + in breaks + unexplained")
    sheets.header(sheet, line + 1, _TIE_OUT)
    for n, tie in enumerate(facts.tie_out, start=line + 2):
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


class _Queue:
    """Where the columns of the queue stand, for formulas that count them and add them up."""

    def __init__(self, facts: NightFacts, columns: Sequence[tuple[str, int]]) -> None:
        self.is_one = 0 < len(facts.breaks) < MAX_ROWS  # else no formula: it is empty, or runs over several sheets
        self._last = len(facts.breaks) + 1
        self._letters = {name: _letters(n) for n, (name, _) in reversed(list(enumerate(columns)))}

    def __getitem__(self, name: str) -> str:
        letters = self._letters[name]
        return f"{QUEUE}!${letters}$2:${letters}${self._last}"


def _letters(column: int) -> str:
    """0 -> A, 26 -> AA."""
    return (_letters(column // 26 - 1) if column >= 26 else "") + chr(ord("A") + column % 26)


def _open_money(sheets: Sheets, sheet: Worksheet, line: int, facts: NightFacts, queue: _Queue) -> int:
    """The open difference per currency, and that of the rows which the queue's filters show. Gives the next free line."""
    sums = _sums(b for b in facts.breaks if b.state != "resolved")
    if not queue.is_one or not sums:
        return line
    sheets.title(sheet, line, "Open difference: PSP says - ledger says, of the breaks in sheet Queue")
    heads = (("Currency", 0), ("Breaks", 0), ("Difference", 0), ("Of those shown", 0))
    sheets.header(sheet, line + 1, heads)
    for n, (currency, amounts) in enumerate(sorted(sums.items()), start=line + 2):
        total = _added(amounts, currency)
        style = sheets.money(number_format(amounts[0], currency))
        mine = f'{queue["Currency"]},A{n + 1},{queue["State"]},"<>resolved"'
        first = queue[BREAK].split(":")[0]
        # SUBTOTAL counts a row only while a filter shows it, and OFFSET hands it the rows one by one.
        seen = f"SUBTOTAL(103,OFFSET({first},ROW({queue[BREAK]})-2,0))"
        ours = f'({queue["Currency"]}=A{n + 1})*({queue["State"]}<>"resolved")'
        cells: Sequence[Cell] = (
            currency,
            Formula(f"=COUNTIFS({mine})", len(amounts)),
            Formula(f"=SUMIFS({queue['Difference']},{mine})", total, style),
            Formula(f"=SUMPRODUCT({seen}*{ours},{queue['Difference']})", total, style),
        )
        sheets.row(sheet, n, cells)
    return line + 3 + len(sums)


def _sums(breaks: Iterable[BreakFact]) -> dict[str, list[str]]:
    """Currency -> differences, of the breaks that have one."""
    found: dict[str, list[str]] = {}
    for b in breaks:
        if b.currency and b.difference:
            found.setdefault(b.currency, []).append(b.difference)
    return found


def _added(amounts: Iterable[str], currency: str) -> float:
    """What a spreadsheet's SUM makes of amounts: those that are text for it are left out."""
    exact = (amount for amount in amounts if exact_number(amount, currency) is not None)
    return float(sum(map(Decimal, exact), Decimal(0)))


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


def _queue_columns(facts: NightFacts) -> tuple[tuple[str, int], ...]:
    """The columns of the queue, with their widths; what people fill in stands right beside the id."""
    return (
        (BREAK, 24),
        (DECISION, 11),
        (REASON, 13),
        (ASSIGN, 16),
        (REMARK, 30),
        ("Due by", 12),
        ("Age, business days", 10),
        ("PSP", 10),
        ("Key", 34),
        ("Currency", 9),
        *((f"{side} says", 15) for side in sides_of(ordered(facts.breaks))),
        ("Difference", 15),
        ("Class", 15),
        ("Code", 24),
        ("State", 12),
        ("Owner", 18),
        ("Why", 60),
        ("Next step", 60),
        ("Note", 30),
        (FIX, 22),
        ("First seen", 12),
        ("Rule", 30),
        ("Provenance", 50),
        ("Reconciliation", 16),
        (SEEN, 18),
    )


def _queue(sheets: Sheets, facts: NightFacts, columns: Sequence[tuple[str, int]]) -> list[str]:
    breaks = ordered(facts.breaks)
    sides = sides_of(breaks)
    signed = {fix.fix_id: fix.content_sha256 for fix in facts.fixes}
    rows = (
        (
            b.break_id,
            *(None,) * len(FILLED_IN),
            b.deadline,
            b.age_days,
            b.psp,
            b.key,
            b.currency,
            *(Money(b.amounts.get(s), b.currency or "") for s in sides),
            Money(b.difference, b.currency or ""),
            b.class_,
            b.code,
            b.state,
            b.owner,
            b.why,
            b.next_step,
            b.reason,
            b.fix_id,
            b.first_seen,
            b.rule,
            b.provenance,
            b.reconciliation,
            seen_sha256(
                b.break_id, b.code, b.class_, b.currency, b.difference, b.fix_id, signed.get(b.fix_id or "", "")
            ),
        )
        for b in breaks
    )

    names = [name for name, _ in columns]

    def finish(sheet: Worksheet, last: int) -> None:
        for name, allowed in ((DECISION, DECISIONS), (REASON, REASONS)):
            hint = "\n".join(f"{word}: {meaning}" for word, meaning in allowed.items())
            sheets.choice(sheet, names.index(name), last, list(allowed), name, hint[:255])
        for n, (name, width) in enumerate(columns):
            if name in FILLED_IN:
                sheet.set_column(n, n, width, sheets.filled)
        sheet.print_area(0, 0, max(1, last), names.index("Code"))

    return sheets.table(QUEUE, columns, rows, finish)


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


def _ageing(sheets: Sheets, facts: NightFacts, queue: _Queue) -> None:
    """Open breaks by class and age, in number, and in money per currency as far as the queue lists them."""
    columns = (("Class", 18), *((f"{bucket} business days", 14) for bucket in view.BUCKETS), ("All", 14))
    last = chr(ord("A") + len(view.BUCKETS))
    rows = view.ageing(facts)
    counts: list[Sequence[Cell]] = [
        (row.class_, *(count for _, count, _ in row.cells), Formula(f"=SUM(B{n}:{last}{n})", row.total))
        for n, row in enumerate(rows, start=2)
    ]

    def finish(sheet: Worksheet, line: int) -> None:
        if queue.is_one:
            _aged_money(sheets, sheet, line + 2, facts, queue)

    sheets.table("Ageing", columns, counts, finish)


def _aged_money(sheets: Sheets, sheet: Worksheet, line: int, facts: NightFacts, queue: _Queue) -> None:
    open_ = [b for b in facts.breaks if b.state != "resolved"]
    sheets.title(sheet, line, "Open difference per currency, of the breaks in sheet Queue")
    line += 1
    for currency in sorted(_sums(open_)):
        heads = ((currency, 0), *((f"{bucket} business days", 0) for bucket in view.BUCKETS))
        sheets.header(sheet, line, heads)
        head, line = line + 1, line + 1
        for class_ in view.CLASSES:
            mine = [b for b in open_ if b.class_ == class_ and b.currency == currency]
            cells: list[Cell] = [class_]
            for bucket in view.BUCKETS:
                low, high = _bounds(bucket)
                amounts = [b.difference or "" for b in mine if low <= b.age_days <= high]
                between = f'{queue["Age, business days"]},">={low}",{queue["Age, business days"]},"<={high}"'
                text = (
                    f"=SUMIFS({queue['Difference']},{queue['Class']},$A{line + 1},{queue['Currency']},$A${head},"
                    f'{queue["State"]},"<>resolved",{between})'
                )
                some = next((b.difference for b in mine if b.difference), "0")
                cells.append(Formula(text, _added(amounts, currency), sheets.money(number_format(some, currency))))
            sheets.row(sheet, line, cells)
            line += 1
        line += 1


def _bounds(bucket: str) -> tuple[int, int]:
    """ "2-3" -> (2, 3); "30+" -> (31, a very long time): 30 itself belongs to the bucket before."""
    low, _, high = bucket.partition("-")
    return (int(low), int(high)) if high else (int(low.removesuffix("+")) + 1, 100_000)


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


def _about(sheets: Sheets, facts: NightFacts, queue_sheets: Sequence[str]) -> None:
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
            ("Breaks listed", f"{len(facts.breaks):,} of {total:,}, in {', '.join(queue_sheets)}"),
            ("Tool", f"recon {facts.tool_version}"),
            ("Configuration SHA-256", facts.config_sha256),
            ("Audit trail", f"{facts.audit_records} records, head {facts.audit_head}"),
            ("To reproduce", facts.reproduce),
            (
                "Filling in the queue",
                "Choose a decision and a reason in sheet Queue, save, and have it imported by recon fixes import.",
            ),
            ("Reading amounts", "Money to us is positive. A difference is what the PSP says less what we say."),
            ("Prepared by", ""),
            ("Reviewed by", ""),
        ),
    )
