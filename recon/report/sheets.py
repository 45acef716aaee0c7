"""Sheets: cells by their type, and tables with a frozen, filtered header, through XlsxWriter.

Types    amounts are numbers in their currency's decimals where a spreadsheet holds them exactly, else text; dates are
         dates; everything else is text, whatever it looks like
Never    lets data become a formula or a link: every text is written as a string, and one that begins like a formula
         is also marked as quoted, so that editing its cell does not wake it
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from recon.domain.money import exponent
from recon.report.fast_sheet import FastSheet
from recon.report.text import shown

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MAX_ROWS = 1_048_576  # of a sheet, its header among them
CELL_LIMIT = 4_000  # characters of a cell; the format allows 32,767, and a written-out character takes up to 9
EXACT = 2**53  # whole numbers below this survive a spreadsheet's floating point
SURE_DIGITS = 15  # so many decimal digits always do

_DECIMAL = re.compile(r"-?\d+(\.\d+)?\Z", re.ASCII)
_FORMULA_LIKE = frozenset("=+-@\t\r|%")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount for a cell: decimal text and its currency; an empty or absent amount is an empty cell."""

    amount: str | None
    currency: str


@dataclass(frozen=True, slots=True)
class Formula:
    """A live formula of ours, never data, with the result that it has when nothing was changed."""

    text: str
    result: str | int | float
    style: Format | None = None


Cell = str | int | date | Money | Formula | None


def exact_number(amount: str, currency: str) -> float | None:
    """`amount` as a number where a spreadsheet holds it exactly to the minor unit, else None."""
    if not _DECIMAL.match(amount):
        return None
    decimals = len(amount.partition(".")[2])
    places = max(exponent(currency) or 0, decimals)
    if len(amount) + places - decimals <= SURE_DIGITS:
        return float(amount)
    return float(amount) if abs(Decimal(amount).scaleb(places)) < EXACT else None


def number_format(amount: str, currency: str) -> str:
    """The currency's number format, or that of the text's own decimals where ISO 4217 lacks the currency."""
    known = exponent(currency)
    return _pattern(len(amount.partition(".")[2]) if known is None else known)


@cache
def _pattern(places: int) -> str:
    digits = "#,##0" + ("." + "0" * places if places else "")
    return f"{digits};[Red]-{digits}"


class Sheets:
    """Writes cells by their type and tables with a frozen, filtered header; splits what one sheet can't hold."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.text = book.add_format({"num_format": "@"})
        self.quoted = book.add_format({"num_format": "@", "quote_prefix": True})
        self.right = book.add_format({"num_format": "@", "align": "right"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self.count = book.add_format({"num_format": "#,##0"})
        self.head = book.add_format(
            {"bold": True, "bottom": 1, "bg_color": "#E9EEF4", "text_wrap": True, "valign": "vcenter"}
        )
        self.filled = book.add_format({"num_format": "@", "bg_color": "#FFF8DC", "text_wrap": True, "valign": "top"})
        self.amounts: dict[str, Format] = {}  # by number format

    def title(self, sheet: Worksheet, row: int, text: str, size: int = 12) -> None:
        sheet.write_string(row, 0, shown(text, CELL_LIMIT), self.book.add_format({"bold": True, "font_size": size}))

    def add(self, name: str, columns: Sequence[tuple[str, int]]) -> Worksheet:
        """A sheet with column widths, set to print in landscape over the page's width."""
        sheet = self.book.add_worksheet(name, FastSheet)
        for n, (_, width) in enumerate(columns):
            sheet.set_column(n, n, width)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&RPage &P of &N")
        return sheet

    def header(self, sheet: Worksheet, row: int, columns: Sequence[tuple[str, int]]) -> None:
        for n, (name, _) in enumerate(columns):
            sheet.write_string(row, n, shown(name, CELL_LIMIT), self.head)

    def table(
        self,
        name: str,
        columns: Sequence[tuple[str, int]],
        rows: Iterable[Sequence[Cell]],
        finish: Callable[[Worksheet, int], None] = lambda sheet, last: None,
    ) -> list[str]:
        """One table over as many sheets as it needs. Gives the sheets' names.

        finish   does the rest to each sheet; it is told the sheet's last row, counted from 0
        """
        waiting: Iterator[Sequence[Cell]] = iter(rows)
        names: list[str] = []
        row = next(waiting, None)
        while row is not None or not names:
            names.append(name if not names else f"{name} {len(names) + 1}")
            sheet = self.add(names[-1], columns)
            self.header(sheet, 0, columns)
            line = 1
            while row is not None and line < MAX_ROWS:
                self.row(sheet, line, row)
                line, row = line + 1, next(waiting, None)
            sheet.freeze_panes(1, 1)
            sheet.repeat_rows(0)
            sheet.autofilter(0, 0, max(1, line - 1), len(columns) - 1)
            finish(sheet, line - 1)
        return names

    def row(self, sheet: Worksheet, line: int, cells: Sequence[Cell]) -> None:
        for n, cell in enumerate(cells):
            if type(cell) is str:  # what most cells are
                if cell:
                    self._string(sheet, line, n, cell)
            elif cell is not None:
                self.cell(sheet, line, n, cell)

    def cell(self, sheet: Worksheet, line: int, n: int, cell: Cell) -> None:
        """Write one cell by its type; text is never anything but text."""
        if isinstance(cell, str):
            if cell:
                self._string(sheet, line, n, cell)
        elif isinstance(cell, Money):
            self._money(sheet, line, n, cell)
        elif isinstance(cell, int):
            sheet.write_number(line, n, cell, self.count)
        elif isinstance(cell, date):
            sheet.write_datetime(line, n, cell, self.day)
        elif isinstance(cell, Formula):
            sheet.write_formula(line, n, cell.text, cell.style, cell.result)

    def _string(self, sheet: Worksheet, line: int, n: int, text: str) -> None:
        style = self.quoted if text[0] in _FORMULA_LIKE else self.text
        told = text if text.isascii() and text.isprintable() and len(text) <= CELL_LIMIT else shown(text, CELL_LIMIT)
        if told[0] == "<" and told.startswith("<r>") and told.endswith("</r>"):
            # XlsxWriter takes such a string for XML of its own making and would write it as it is.
            sheet.write_rich_string(line, n, told[:1], told[1:2], told[2:], style)
        else:
            sheet.write_string(line, n, told, style)

    def _money(self, sheet: Worksheet, line: int, n: int, money: Money) -> None:
        if not money.amount:
            return
        number = exact_number(money.amount, money.currency)
        if number is None:
            sheet.write_string(line, n, shown(money.amount, CELL_LIMIT), self.right)
        else:
            sheet.write_number(line, n, number, self.money(number_format(money.amount, money.currency)))

    def money(self, pattern: str) -> Format:
        """The style of amounts in a number format; one for each, however many cells have it."""
        style = self.amounts.get(pattern)
        if style is None:
            style = self.amounts[pattern] = self.book.add_format({"num_format": pattern})
        return style

    def choice(self, sheet: Worksheet, column: int, last: int, allowed: Sequence[str], title: str, hint: str) -> None:
        """A dropdown in every row of a column; anything else is refused by the spreadsheet."""
        told = {"validate": "list", "source": list(allowed), "input_title": title, "input_message": hint}
        refusal = {"error_title": "Not one of the list", "error_message": "Choose one of the list, or leave it empty."}
        sheet.data_validation(1, column, max(1, last), column, told | refusal)
