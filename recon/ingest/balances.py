"""Balances: what account statements prove of their own lines, by the sums of the records that were really taken.

Comes in   the Parquet file that reading wrote, its rows in the file's order, and the statements that the reader met
Goes out   control totals, warnings, and each statement's balances in minor units
Never      a sum that crosses currencies; a file taken whose balances say that a line is missing, unless its format says
           `unbalanced: flag`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.domain.money import exponent, read_minor, to_text
from recon.domain.rulebook import Format
from recon.engine.duck import Engine, text
from recon.ingest.loaded import Balance
from recon.ingest.staged import Staged, Statement, UnreadableError

_SHOWN = 5
#: Statuses of the lines that a balance holds.
_COUNTED = "status IN ('booked', 'interim')"

Control = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """Controls as (name, state, detail), warnings, and the balances as read."""

    controls: tuple[Control, ...] = ()
    warnings: tuple[str, ...] = ()
    balances: tuple[Balance, ...] = ()


def prove(engine: Engine, fmt: Format, staged: Staged, parquet: Path, refused: int) -> Proof:
    """What the file's own balances and sums say of its records. Raises UnreadableError for a balance that is none."""
    if fmt.record != "bank_line":
        return Proof(staged.controls)
    sums = _Sums.of_each(engine, parquet, staged.statements)
    balances = [_balance(statement, found) for statement, found in zip(staged.statements, sums, strict=True)]
    controls = list(staged.controls)
    controls += _balanced(staged.statements, balances, sums)
    controls += _continued(staged.statements, balances)
    controls += _claimed(staged.statements, balances, sums)
    stepped, walked = _running(engine, parquet, refused)
    controls += stepped
    warnings = [each.doubt for each in staged.statements if each.doubt]
    if fmt.options.get("unbalanced") == "flag":
        warnings += [f"{name}: {detail}; taken all the same" for name, state, detail in controls if state == "failed"]
        controls = [(name, "unproven" if state == "failed" else state, detail) for name, state, detail in controls]
    return Proof(tuple(controls), tuple(dict.fromkeys(warnings)), tuple(balances or walked))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of one statement's records: what came in and went out (minor units), rows in quarantine, accounts, currencies."""

    credits: int
    debits: int
    refused: int
    accounts: tuple[str, ...]
    currencies: tuple[str, ...]

    @classmethod
    def of_each(cls, engine: Engine, parquet: Path, statements: tuple[Statement, ...]) -> list[_Sums]:
        if not statements:
            return []
        values = ", ".join(f"({n}, {each.first}, {each.end})" for n, each in enumerate(statements))
        taken = f"refused IS NULL AND {_COUNTED}"

        def total(which: str) -> str:
            return f"CAST(coalesce(sum(amount) FILTER (WHERE {taken} AND amount {which} 0), 0) AS VARCHAR)"

        def distinct(column: str) -> str:
            return f"list_sort(list_distinct(coalesce(list({column}) FILTER (WHERE refused IS NULL), [])))"

        rows = engine.rows(
            f"SELECT n, {total('>')}, {total('<')}, count(refused), {distinct('account')}, {distinct('currency')} "
            f"FROM (VALUES {values}) s(n, first_row, end_row) LEFT JOIN "
            f"read_parquet({text(parquet)}, file_row_number = true) r "
            "ON r.file_row_number >= s.first_row AND r.file_row_number < s.end_row GROUP BY n ORDER BY n"
        )
        return [cls(int(c), int(d), int(q), tuple(a), tuple(u)) for _, c, d, q, a, u in rows]


def _balance(statement: Statement, sums: _Sums) -> Balance:
    only = sums.currencies[0] if len(sums.currencies) == 1 else ""
    currency = statement.currency or only
    account = statement.account or (sums.accounts[0] if len(sums.accounts) == 1 else "")

    def minor(value: str | None) -> int | None:
        if value is None or exponent(currency) is None:
            return None  # a currency that ISO 4217 does not list: its rows are refused as well
        read = read_minor(value, currency)
        if read is None:
            raise UnreadableError(
                f"the balance {value!r} of {account or 'the account'} is no amount in {currency}",
                "ask the bank for the file again, or correct the format's decimal mark",
            )
        return read

    return Balance(
        account,
        currency,
        minor(statement.opening),
        minor(statement.closing),
        statement.opened_on,
        statement.closed_on,
        statement.sequence,
    )


def _outcome(name: str, wrong: list[str], proved: int, why_not: str) -> list[Control]:
    """One control out of many comparisons; none where nothing was there to compare."""
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return [(name, "failed", "; ".join(wrong[:_SHOWN]) + more)]
    if why_not:
        return [(name, "unproven", why_not)]
    return [(name, "proved", f"{proved} statement(s)")] if proved else []


def _balanced(statements: tuple[Statement, ...], balances: list[Balance], sums: list[_Sums]) -> list[Control]:
    """Opening balance + booked lines = closing balance, per statement."""
    wrong, proved, why_not = [], 0, ""
    for statement, balance, found in zip(statements, balances, sums, strict=True):
        if found.refused:
            why_not = f"{found.refused} row(s) in quarantine are not in the sums"
        elif statement.doubt:
            why_not = statement.doubt
        elif balance.currency and exponent(balance.currency) is None:
            why_not = f"{_named(balance)} is in {balance.currency}, which ISO 4217 does not list"
        elif balance.opening is None or balance.closing is None:
            missing = "opening" if balance.opening is None else "closing"
            why_not = f"{_named(balance)} has no {missing} balance"
        elif set(found.currencies) - {balance.currency}:
            why_not = f"{_named(balance)} has lines in {', '.join(found.currencies)}"
        elif balance.opening + found.credits + found.debits == balance.closing:
            proved += 1
        else:
            reached = balance.opening + found.credits + found.debits
            wrong.append(
                f"{_named(balance)}: {_money(balance.opening, balance)} + lines "
                f"{_money(found.credits + found.debits, balance)} = {_money(reached, balance)}, "
                f"but the closing balance is {_money(balance.closing, balance)}"
            )
    return _outcome("opening + lines = closing", wrong, proved, why_not)


def _continued(statements: tuple[Statement, ...], balances: list[Balance]) -> list[Control]:
    """Within the file, a statement opens with what the account's last one closed with (in either order of the days)."""
    wrong, proved = [], 0
    last: dict[tuple[str, str], Balance] = {}
    for statement, balance in zip(statements, balances, strict=True):
        before = last.get((balance.account, balance.currency))
        if not statement.doubt:
            last[balance.account, balance.currency] = balance
        if before is None or statement.doubt:
            continue
        if (before.opened_on or "") > (balance.opened_on or ""):
            before, balance = balance, before
        if before.closing is None or balance.opening is None:
            continue
        if before.closing == balance.opening:
            proved += 1
        else:
            wrong.append(
                f"{_named(balance)} opens with {_money(balance.opening, balance)}, "
                f"but {_named(before)} closes with {_money(before.closing, before)}"
            )
    return _outcome("opening = last closing", wrong, proved, "")


def _claimed(statements: tuple[Statement, ...], balances: list[Balance], sums: list[_Sums]) -> list[Control]:
    """Sums that a statement claims of its own lines."""
    wrong, proved, why_not = [], 0, ""
    for statement, balance, found in zip(statements, balances, sums, strict=True):
        if statement.sums and found.refused:
            why_not = f"{found.refused} row(s) in quarantine are not in the sums"
            continue
        real = {
            "credits": found.credits,
            "debits": -found.debits,
            "total": found.credits - found.debits,
            "net": found.credits + found.debits,
        }
        for what, claim in statement.sums:
            claimed = read_minor(claim, balance.currency) if balance.currency else None
            if claimed is None:
                why_not = f"{_named(balance)}: the claimed sum of {what} is {claim!r}"
            elif claimed == real[what]:
                proved += 1
            else:
                wrong.append(
                    f"{_named(balance)} claims {what} of {_money(claimed, balance)}, {_money(real[what], balance)} found"
                )
    return _outcome("claimed sums", wrong, proved, why_not)


def _running(engine: Engine, parquet: Path, refused: int) -> tuple[list[Control], list[Balance]]:
    """The balance after each line, where lines have one: each step is the line's amount, from top or from bottom."""
    rows = f"read_parquet({text(parquet)}, file_row_number = true)"
    lag = "OVER (PARTITION BY account, currency ORDER BY file_row_number)"
    steps = (
        f"SELECT *, lag(balance_after) {lag} AS b, lag(amount) {lag} AS a FROM {rows} "
        f"WHERE refused IS NULL AND balance_after IS NOT NULL AND {_COUNTED}"
    )
    found = engine.rows(
        "SELECT account, currency, count(*), "
        "count(*) FILTER (WHERE b IS NOT NULL AND CAST(b AS HUGEINT) + amount <> balance_after), "
        "count(*) FILTER (WHERE b IS NOT NULL AND CAST(balance_after AS HUGEINT) + a <> b), "
        "arg_min([balance_after, amount], file_row_number), arg_max([balance_after, amount], file_row_number), "
        "min(booked_on), max(booked_on) "
        f"FROM ({steps}) GROUP BY ALL ORDER BY ALL"
    )
    if not found:
        return [], []
    if refused:
        return [("running balance", "unproven", f"{refused} row(s) in quarantine are not in the sums")], []
    wrong = [
        f"{account} {currency}: {min(down, up)} of {count} line(s) do not lead to the next balance"
        for account, currency, count, down, up, *_ in found
        if down and up
    ]
    balances = [_walked(row) for row in found if not (row[3] and row[4])]
    return _outcome("running balance", wrong, len(found), ""), balances


def _walked(row: tuple[Any, ...]) -> Balance:
    """The balances before the oldest and after the newest line, by whichever end of the file is the older."""
    account, currency, _, down, _, first, last, opened, closed = row
    oldest, newest = (last, first) if down else (first, last)
    return Balance(account, currency, oldest[0] - oldest[1], newest[0], str(opened), str(closed), "")


def _named(balance: Balance) -> str:
    number = f" statement {balance.sequence}" if balance.sequence else ""
    return f"{balance.account or 'the account'}{number}"


def _money(minor: int, balance: Balance) -> str:
    return f"{to_text(minor, balance.currency)} {balance.currency}"


def as_entry(balances: tuple[Balance, ...]) -> list[dict[str, str | None]]:
    """The balances as inputs.json keeps them: amounts as decimal text."""

    def shown(minor: int | None, currency: str) -> str | None:
        return None if minor is None else to_text(minor, currency)

    return [
        {
            "account": each.account,
            "currency": each.currency,
            "opening": shown(each.opening, each.currency),
            "closing": shown(each.closing, each.currency),
            "opened_on": each.opened_on,
            "closed_on": each.closed_on,
            "sequence": each.sequence,
        }
        for each in balances
    ]
