"""Meaning: what the amounts of a settlement file mean: row types, signs, and the arithmetic that ties the columns.

Comes in   columns with their roles
Goes out   how each amount is read so that money to us is positive, with the evidence; what is not proven says so
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from recon.sniff import amounts
from recon.sniff.amounts import Marks
from recon.sniff.columns import Column
from recon.sniff.evidence import Finding, sure
from recon.sniff.roles import Role, Split
from recon.sniff.words import kind_of

_AGAINST_US = ("refund", "chargeback")


@dataclass(slots=True)
class Meaning:
    """How amounts are read.

    kinds      raw row type -> kind, `unknown` where no list has it
    turned     raw row types whose amounts are written positive and mean money from us
    sign       -1: every amount is written from the provider's side
    fee_sign, tax_sign   -1: written negative where it is charged to us
    tax_inside the fee column holds the tax as well
    proven     rows that amount - fee - tax = net holds for, of so many that say it
    """

    kinds: dict[str, str] = field(default_factory=dict)
    turned: tuple[str, ...] = ()
    sign: int = 1
    fee_sign: int = 1
    tax_sign: int = 1
    tax_inside: bool = False
    proven: tuple[int, int] = (0, 0)
    sign_seen: tuple[int, int] = (0, 0)
    split: Split | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Whether the arithmetic holds for every row that could deny it."""
        return self.proven[1] > 0 and self.proven[0] == self.proven[1]


def numbers(column: Column, marks: Marks) -> list[int | None]:
    """The column's amounts in ten-thousandths; None where a cell is empty or no amount."""
    return [amounts.read(cell, marks.decimal, marks.thousands) if cell else None for cell in column.cells]


def meaning(given: dict[str, Role], split: Split | None, marks: Marks) -> Meaning:
    """What the amounts mean, with findings."""
    made = Meaning(split=split)
    if "kind" in given:
        _kinds(made, given["kind"])
    _signs(made, given, marks)
    _arithmetic(made, given, marks)
    return made


def field_values(made: Meaning, given: dict[str, Role], name: str, marks: Marks) -> list[int | None]:
    """A money field's values as the proposal reads them, in ten-thousandths."""
    if name in ("amount", "settled_amount") and made.split is not None and made.split.credit and made.split.debit:
        pairs = zip(numbers(made.split.credit, marks), numbers(made.split.debit, marks), strict=True)
        minus = 1 if made.split.signed else -1
        return [None if a is None and b is None else (a or 0) + minus * (b or 0) for a, b in pairs]
    role = given.get(name)
    if role is None:
        return []
    values = numbers(role.column, marks)
    own = {"fee": made.fee_sign, "tax": made.tax_sign}.get(name, made.sign)
    if name == "fee" and made.tax_inside:
        inside = numbers(given["tax"].column, marks)
        values = [None if a is None else a - (b or 0) for a, b in zip(values, inside, strict=True)]
    flips = _turned_rows(made, given)
    return [None if value is None else value * own * turn for value, turn in zip(values, flips, strict=True)]


def _turned_rows(made: Meaning, given: dict[str, Role]) -> Sequence[int]:
    """-1 for each row whose amounts are turned round."""
    if made.split is not None and made.split.direction is not None:
        return [-1 if cell in made.split.outgoing else 1 for cell in made.split.direction.cells]
    if made.turned:
        return [-1 if cell in made.turned else 1 for cell in given["kind"].column.cells]
    rows = max((len(role.column.cells) for role in given.values()), default=0)
    return [1] * rows


def _kinds(made: Meaning, role: Role) -> None:
    counts = role.column.counts
    made.kinds = {raw: kind_of(raw) or "unknown" for raw in counts}
    known = sum(n for raw, n in counts.items() if made.kinds[raw] != "unknown")
    shown = ", ".join(f"{raw} {n:,} ({made.kinds[raw]})" for raw, n in counts.most_common(8))
    found = f"column {role.column.name!r}"
    # The list of words knows languages, not this provider: never more than even odds beyond what the name says.
    made.findings.append(
        Finding("row types", found, sure(known, len(role.column.filled), 1 if role.likeness else 2), shown)
    )


def _signs(made: Meaning, given: dict[str, Role], marks: Marks) -> None:
    """From whose side amounts are written, and whether refunds are negative."""
    if made.split is not None:
        if made.split.direction is not None:
            why = f"{', '.join(made.split.outgoing)} in {made.split.direction.name!r} means money from us"
            found, seen = "unsigned, with a column for the direction", len(made.split.direction.filled)
        else:
            assert made.split.credit is not None and made.split.debit is not None
            why = f"{made.split.credit.name!r} to us, {made.split.debit.name!r} from us; no row has both"
            found = "negative in the column of debits" if made.split.signed else "unsigned, in two columns"
            seen = len(made.split.credit.cells)
        made.sign_seen = (seen, seen)
        made.findings.append(Finding("signs", found, sure(seen, seen), why))
        return
    role = given.get("amount") or given.get("net")
    if role is None:
        return
    values = numbers(role.column, marks)
    kinds = [made.kinds.get(cell, "") for cell in given["kind"].column.cells] if "kind" in given else [""] * len(values)
    captures = [v for v, kind in zip(values, kinds, strict=True) if v and kind == "capture"]
    against = [v for v, kind in zip(values, kinds, strict=True) if v and kind in _AGAINST_US]
    negative = sum(v < 0 for v in captures)
    if captures and negative * 2 > len(captures):
        made.sign = -1
    counted = sum(v * made.sign > 0 for v in captures)
    minus = sum(v * made.sign < 0 for v in against)
    if against and minus * 2 < len(against):
        made.turned = tuple(raw for raw, kind in made.kinds.items() if kind in _AGAINST_US)
        minus = len(against) - minus
    made.sign_seen = (counted + minus, len(captures) + len(against))
    made.findings.append(_sign_finding(made, role, len(captures), len(against), values))


def _sign_finding(made: Meaning, role: Role, captures: int, against: int, values: Sequence[int | None]) -> Finding:
    below = sum(v < 0 for v in values if v)
    certain = sure(*made.sign_seen, rivals=1 if captures and against else 2)
    if made.turned:
        return Finding(
            "signs",
            "positive throughout",
            certain,
            f"{against} refunds and disputes are written positive: turned round",
        )
    side = "the provider's side" if made.sign < 0 else "ours"
    why = f"{captures} captures, {against} refunds and disputes; {below} of {len(values)} cells of {role.column.name!r} are negative"
    return Finding("signs", f"signed, from {side}", certain, why)


def _arithmetic(made: Meaning, given: dict[str, Role], marks: Marks) -> None:
    """Which of amount ± fee ± tax = net holds, over the raw columns."""
    if not {"amount", "fee", "net"} <= given.keys():
        return
    amount, fee, net = (numbers(given[name].column, marks) for name in ("amount", "fee", "net"))
    tax = numbers(given["tax"].column, marks) if "tax" in given else [0] * len(amount)
    rows = [
        (a, f or 0, t or 0, n)
        for a, f, t, n in zip(amount, fee, tax, net, strict=True)
        if a is not None and n is not None
    ]
    telling = [row for row in rows if row[1] or row[2]]
    if not telling:
        return
    signs = [(f, t) for f, t in product((1, -1), (1, -1, 0)) if "tax" in given or t == f]
    held = {each: sum(a - each[0] * f - each[1] * t == n for a, f, t, n in telling) for each in signs}
    (fee_sign, tax_sign), best = max(held.items(), key=lambda each: each[1])
    if not best:
        return
    rivals = sum(count == best for count in held.values())
    made.proven = (best, len(telling))
    taxed = f" {'-' if tax_sign > 0 else '+'} {given['tax'].column.name}" if "tax" in given and tax_sign else ""
    formula = f"{given['amount'].column.name} {'-' if fee_sign > 0 else '+'} {given['fee'].column.name}{taxed} = {given['net'].column.name}"
    why = f"holds in {best:,} of {len(telling):,} rows with a fee"
    made.findings.append(Finding("arithmetic", formula, sure(best, len(telling), rivals), why))
    if best * 2 > len(telling):
        made.fee_sign, made.tax_sign = fee_sign, tax_sign or fee_sign
        made.tax_inside = "tax" in given and tax_sign == 0
