"""Ways: how a field's text is made of a file's columns: one column, the first filled of several, a constant, credit and
debit, a sum of columns, or a choice between such ways. All as SQL over the staged cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recon.domain.rulebook import Expr, FieldMap
from recon.engine.duck import text
from recon.engine.expressions import to_sql
from recon.ingest.staged import cell, column_pattern


@dataclass(frozen=True, slots=True)
class Part:
    """One signed text of a field: SQL for the text and for the name of the column it came from."""

    sign: int
    text: str
    column: str


_CONSTANT = text("(constant)")  # the column that a constant came from


class Ways:
    """The columns of one file, by the names that a format knows them by."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._cells = {column: cell(n) for n, column in enumerate(columns)}

    def parts(self, way: FieldMap) -> list[Part]:
        """The texts that a field is made of: one, for sums several; none where the file has no such column."""
        if way.choose:
            return self._chosen(way)
        if way.const is not None:
            return [Part(1, text(way.const), _CONSTANT)]
        if way.credit or way.debit:
            sides = ((way.sign, way.credit), (-way.sign, way.debit))
            return [
                Part(sign, self._normal(self.column(column), way), text(column)) for sign, column in sides if column
            ]
        if way.total:
            columns = [column for pattern in way.total for column in self._matching(pattern)]
            return [Part(way.sign, self._normal(self.column(column), way), text(column)) for column in columns]
        if way.join:
            joined = ", ".join(self._normal(self.column(column), way) for column in way.join)
            return [Part(1, f"nullif(concat_ws(' ', {joined}), '')", text(" + ".join(way.join)))]
        columns = [column for pattern in way.first for column in self._matching(pattern)]
        if not columns:
            return []
        cells = [self._normal(self.column(column), way, values=False) for column in columns]
        value = cells[0] if len(cells) == 1 else f"coalesce({', '.join(cells)})"
        cases = " ".join(f"WHEN {self.column(column)} IS NOT NULL THEN {text(column)}" for column in columns[:-1])
        label = f"CASE {cases} ELSE {text(columns[-1])} END" if cases else text(columns[0])
        return [Part(way.sign, self._valued(value, way), label)]

    def _chosen(self, way: FieldMap) -> list[Part]:
        """One part per sign and position: the text of the first choice whose condition holds."""
        choices = [(condition, self.parts(choice)) for condition, choice in way.choose]
        slots: list[tuple[int, list[tuple[str, Part]]]] = []
        for condition, parts in choices:
            taken: set[int] = set()
            for part in parts:
                free = next((n for n, (sign, _) in enumerate(slots) if sign == part.sign and n not in taken), None)
                if free is None:
                    slots.append((part.sign, []))
                    free = len(slots) - 1
                taken.add(free)
                slots[free][1].append((self.condition(condition), part))
        made = []
        for sign, filled in slots:
            by_condition = dict(filled)
            conditions = [self.condition(condition) for condition, _ in choices]
            # Where no choice holds, a refusal still names a column: the first that is one.
            columns = [part.column for _, part in filled if part.column != _CONSTANT] or [filled[-1][1].column]
            label = f"coalesce({_case(conditions, by_condition, 'column')}, {columns[0]})"
            made.append(Part(sign, _case(conditions, by_condition, "text"), label))
        return made

    def condition(self, condition: Expr) -> str:
        """A choice's condition over raw columns as SQL over the staged cells."""
        return to_sql(condition, self.column)

    def _normal(self, column: str, way: FieldMap, *, values: bool = True) -> str:
        for null in way.null_values:
            column = f"nullif({column}, {text(null)})"
        return self._valued(column, way) if values else column

    def _valued(self, value: str, way: FieldMap) -> str:
        if way.case:
            value = f"{way.case}({value})"
        if not way.values:
            return value
        cases = " ".join(f"WHEN {text(raw)} THEN {text(meant)}" for raw, meant in way.values.items())
        other = text(way.unknown_value) if way.unknown_value is not None else value
        return f"CASE {value} {cases} ELSE CASE WHEN {value} IS NOT NULL THEN {other} END END"

    def _matching(self, pattern: str) -> list[str]:
        """The file's columns that a name stands for; `[*]` stands for every index."""
        if "[*]" not in pattern:
            return [pattern] if pattern in self._cells else []
        return [column for column in self._cells if column_pattern(pattern).fullmatch(column)]

    def column(self, column: str) -> str:
        """The staged cell, or NULL for an optional column that the file does not have."""
        return self._cells.get(column, "CAST(NULL AS VARCHAR)")


def _case(conditions: list[str], parts: dict[str, Part], what: str) -> str:
    cases = " ".join(
        f"WHEN {condition} THEN {getattr(parts[condition], what) if condition in parts else 'NULL'}"
        for condition in conditions
    )
    other = f" ELSE {next(iter(parts.values())).column}" if what == "column" else ""  # no choice holds: where to look
    return f"CASE {cases}{other} END"
