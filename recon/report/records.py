"""Records of breaks: what the report shows side by side, read from what matching looked at in full.

Reads   <recon>_work and its records, <recon>_remembered, <recon>_extra, unclaimed and quarantined rows
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from recon.domain.money import to_text
from recon.domain.records import RECORD_TYPES, RecordType, Type
from recon.engine.duck import Engine, text
from recon.engine.plan import Plan
from recon.report.facts import RecordFact


def break_records(engine: Engine, plan: Plan, gids: Sequence[int]) -> dict[int, tuple[RecordFact, ...]]:
    """gid -> its records, by side in the rule file's order, then file and line; remembered ones after the side's own."""
    engine.register("shown", pa.table({"gid": pa.array(gids, pa.int64())}))
    found: dict[int, list[RecordFact]] = defaultdict(list)
    for side in plan.rule.sides:
        sql = (
            f"select w.root as root, s.* from {plan.table('work_' + side.name)} s join {plan.table('work')} w on w.gid = s.gid "
            "where w.root in (select gid from shown) order by w.root, s.file, s.line, s.record_id"
        )
        for row in _dicts(engine, sql):
            found[row["root"]].append(_record(side.name, plan.record(side), row))
        if side in plan.lasting:
            _remembered(engine, plan, side.name, found)
    for record in dict.fromkeys(side.record for side in plan.rule.sides):
        sql = (
            f"select e.gid as root, u.* from {plan.table('extra')} e join {plan.table('unclaimed_' + record)} u "
            f"on e.what = 'unclaimed' and e.record = {text(record)} and u.source = e.source and u.record_id = e.record_id "
            "where e.gid in (select gid from shown) order by e.gid, u.file, u.line"
        )
        for row in _dicts(engine, sql):
            found[row["root"]].append(_record("unclaimed", RECORD_TYPES[record], row))
    _quarantined(engine, plan, found)
    engine.unregister("shown")
    return {gid: tuple(records) for gid, records in found.items()}


def _dicts(engine: Engine, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = engine.table(sql).to_pylist()
    return rows


def _record(side: str, record: RecordType, row: Mapping[str, Any]) -> RecordFact:
    fields: dict[str, str] = {}
    for field in (*record.fields, *record.derived):
        value = row.get(field.name)  # a derived field is there only where a rule reads it
        if value is None or value == "":
            continue
        currency = row.get(field.of) if field.of else None
        fields[field.name] = to_text(value, currency or "") if field.type is Type.MONEY else _shown(value)
    if row.get("restated"):
        fields["restated"] = "yes"
    if row.get("previous_status"):
        fields["previous_status"] = str(row["previous_status"])
    fields["business_date"] = _shown(row["business_date"])
    return RecordFact(side, row["source"], row["record_id"], row["file"], row["sha256"] or "", row["line"] or 0, fields)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds") + "Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def _remembered(engine: Engine, plan: Plan, side: str, found: dict[int, list[RecordFact]]) -> None:
    """What cleared on earlier nights: sums, not rows; the records are in that night's folder."""
    key = plan.key_sql()
    sql = (
        f"select root, night, {key} as key, {side}__count as n, {side}__amount as amount, {side}__currency as currency "
        f"from {plan.table('remembered')} where {side}__count > 0 and root in (select gid from shown) order by root, night"
    )
    for row in _dicts(engine, sql):
        fields = {"records": str(row["n"]), "currency": row["currency"] or ""}
        if row["amount"] is not None and row["currency"]:
            fields["amount"] = to_text(int(row["amount"]), row["currency"])
        found[row["root"]].append(
            RecordFact(side, "", row["key"], f"nights/{row['night']}", "", 0, fields, cleared_on=row["night"])
        )


def _quarantined(engine: Engine, plan: Plan, found: dict[int, list[RecordFact]]) -> None:
    """Rows in quarantine: those that make a group of their own, and those that a group of tonight bears."""
    sql = f"""select e.gid as root, q.* from {plan.table("extra")} e join {plan.table("quarantined")} q on q.number = e.number
where e.gid in (select gid from shown)
union all
select distinct w.root, q.* from {plan.table("quarantined")} q join {plan.table("quarantined_groups")} g on g.number = q.number
join {plan.table("work")} w on w.k1 = g.k1 and w.k2 = g.k2 where w.root in (select gid from shown)
order by root, number"""
    for row in _dicts(engine, sql):
        names = ("psp", "kind", "psp_reference", "payment_order_id", "column_name", "found", "expected", "raw")
        fields = {name: str(row[name]) for name in names if row[name]}
        found[row["root"]].append(
            RecordFact("quarantine", row["source"], "", row["file"], row["sha256"] or "", row["line"] or 0, fields)
        )


def tried(plan: Plan, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """A line per pass: what it found of this group."""
    if not facts or facts.get("unclaimed"):
        return ()
    present = [side.name for side in plan.rule.sides if facts[f"{side.name}__count"]]
    missing = [side.name for side in plan.required(facts["kind"] or "") if not facts[f"{side.name}__count"]]
    lines = []
    for each in plan.rule.passes:
        if each is plan.rule.passes[0]:
            got = f"found in {', '.join(present) or 'no side'}" + (
                f"; missing: {', '.join(missing)}" if missing else "; they disagree"
            )
            lines.append(f"{each.name}: {'no reference of ours' if facts['keyless'] else got}")
        elif facts["found_by"] == each.name:
            lines.append(f"{each.name}: {'the only partner, suggested' if each.suggest else 'united these records'}")
        elif each.suggest and facts["candidates"] > 1:
            lines.append(f"{each.name}: none chosen of {facts['candidates']} equal candidates")
        elif each.suggest and not facts["keyless"]:
            lines.append(f"{each.name}: nobody without a reference fits")
        else:
            lines.append(f"{each.name}: no partner")
    return tuple(lines)
