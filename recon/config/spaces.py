"""Field spaces: which names an expression may read in each place, with their types (docs/rules.md lists them)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from recon.domain.records import KINDS, RECORD_TYPES, Type

#: What every group has beside its sides.
GROUP: dict[str, Type] = {
    "kind": Type.TEXT,
    "found_by": Type.TEXT,
    "candidates": Type.INTEGER,
    "cleared_before": Type.BOOLEAN,
    "quarantined": Type.BOOLEAN,
    "restated": Type.BOOLEAN,
    "unclaimed": Type.BOOLEAN,
    "scale_suspected": Type.BOOLEAN,
    "night": Type.DATE,
    "night_end": Type.INSTANT,
}
#: What every side of a group has beside its record's fields.
SIDE: dict[str, Type] = {
    "count": Type.INTEGER,
    "amount_min": Type.MONEY,
    "amount_max": Type.MONEY,
    "cleared_count": Type.INTEGER,
    "cleared_amount": Type.MONEY,
}
KIND: dict[str, Type] = {"amount": Type.MONEY, "count": Type.INTEGER, "cleared": Type.BOOLEAN}


def record_space(record: str) -> dict[str, Type]:
    """The record's own fields, bare, with `source` and `record_id`: for `where` and `claims`."""
    own = {field.name: field.type for field in RECORD_TYPES[record].fields}
    return {**own, "source": Type.KEY, "record_id": Type.KEY}


def side_space(side: str, record: str) -> dict[str, Type]:
    """What one side of a group has: every field of its record, derived ones too, sums and counts, what had cleared before."""
    read = RECORD_TYPES[record]
    fields = {field.name: field.type for field in (*read.fields, *read.derived)} | SIDE
    if "status" in fields:
        fields["previous_status"] = Type.KEY
    return {f"{side}.{name}": type_ for name, type_ in fields.items()}


def kind_space(sides: Collection[str] = ()) -> dict[str, Type]:
    """What the payment has of each kind, over all nights that are remembered. The name of a side is that side's alone."""
    return {f"{kind}.{name}": type_ for kind in KINDS if kind not in sides for name, type_ in KIND.items()}


def rule_space(sides: Mapping[str, str]) -> dict[str, Type]:
    """Everything a rule may read. `sides`: name -> record."""
    space: dict[str, Type] = {}
    for side, record in sides.items():
        space |= side_space(side, record)
    return space | kind_space(sides) | GROUP


def raw_space(columns: Iterable[str]) -> dict[str, Type]:
    """A file's columns, all text."""
    return dict.fromkeys(columns, Type.TEXT)
