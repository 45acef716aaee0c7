"""Fast sheet: XlsxWriter's worksheet with the innermost loop cut short, for sheets with hundreds of thousands of cells.

Writes the same bytes as the library's own for texts and numbers, which is nearly all of a queue, and leaves every other
cell to it. tests/report/test_report_workbook.py compares the two, so an upgrade that changes either is seen.
"""

from __future__ import annotations

from typing import Any

from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

_COLUMNS = [xl_col_to_name(n) for n in range(100)]


class FastSheet(Worksheet):  # type: ignore[misc]
    """A worksheet that writes plain cells in one step."""

    def _write_cell(self, row: int, col: int, cell: Any) -> None:
        kind = cell.__class__.__name__
        style = getattr(cell, "format", None)
        if kind not in ("String", "Number", "Datetime") or style is None or self.constant_memory or col >= 100:
            super()._write_cell(row, col, cell)
            return
        index = style.xf_index or style._get_xf_index()
        if kind == "String":
            self.fh.write(f'<c r="{_COLUMNS[col]}{row + 1}" s="{index}" t="s"><v>{cell.string}</v></c>')
        else:
            self.fh.write(f'<c r="{_COLUMNS[col]}{row + 1}" s="{index}"><v>{cell.number:.16G}</v></c>')
