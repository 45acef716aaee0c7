"""summary.json, and the rows that the state database keeps of a night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import lru_cache
from typing import Any

from recon.domain.breaks import Break, Fix
from recon.domain.money import to_text
from recon.domain.rulebook import Class, Reconciliation
from recon.fixes.queue import Proposed
from recon.intake import Inputs
from recon.report.facts import NightFacts
from recon.workspace import Workspace


def summary(
    facts: NightFacts,
    groups: Mapping[str, Mapping[str, int]],
    breaks: Sequence[Break],
    fixes: Sequence[Fix],
    inputs: Inputs,
    previous: Mapping[str, str] | None,
    workspace: Workspace,
) -> dict[str, Any]:
    """What summary.json says: verdict, counts and totals per reconciliation, source and currency, and every hash."""
    return {
        "schema_version": 1,
        "workspace": facts.workspace,
        "night": str(facts.night),
        "verdict": facts.verdict,
        "sentence": facts.sentence,
        "tool_version": facts.tool_version,
        "config_sha256": facts.config_sha256,
        "rules_sha256": dict(workspace.hashes),
        "previous": previous,
        "audit": {"records": facts.audit_records, "head": facts.audit_head},
        "reconciliations": {
            name: _reconciliation(name, counts, facts, breaks, fixes) for name, counts in sorted(groups.items())
        },
        "roll_forward": [asdict(line) for line in facts.roll_forward],
        "inputs": {
            "files": sum(1 for each in inputs.read if each.entry["sha256"]),
            "rows": facts.records_total,
            "quarantined": sum(each.entry["quarantined"] for each in inputs.read),
            "replayed": sum(each.entry["replayed"] for each in inputs.read),
            "restated": sum(each.entry["restated"] for each in inputs.read),
            "late": sorted(each.entry["name"] for each in inputs.read if each.entry["late"]),
            "set_aside": _set_aside(inputs),
            "awaiting": sorted({each.source for _, each in inputs.awaiting if each.kind != "decision"}),
        },
    }


def _set_aside(inputs: Inputs) -> list[str]:
    """Files that were set aside tonight, and those of earlier nights that still wait for a person."""
    tonight = {each.entry["name"] for each in inputs.read if each.entry["status"] == "set_aside"}
    here = {each.entry["sha256"] for each in inputs.read}
    return sorted(
        tonight | {each.path for _, each in inputs.awaiting if each.kind == "decision" and each.sha256 not in here}
    )


def _reconciliation(
    name: str, groups: Mapping[str, int], facts: NightFacts, breaks: Sequence[Break], fixes: Sequence[Fix]
) -> dict[str, Any]:
    ours = [each for each in breaks if each.reconciliation == name]
    open_ = [each for each in ours if each.is_open]
    return {
        "groups": {outcome: groups.get(outcome, 0) for outcome in ("cleared", "pending", "silent", "broken", "lapsed")},
        "breaks": {
            "open": len(open_),
            "new": sum(1 for each in open_ if each.state == "new"),
            "persisting": sum(1 for each in open_ if each.state == "persisting"),
            "reopened": sum(1 for each in open_ if each.state == "reopened"),
            "resolved": sum(1 for each in ours if each.closed_on == facts.night),
            "by_class": {str(class_): sum(1 for each in open_ if each.class_ is class_) for class_ in Class},
            "by_code": dict(sorted(Counter(each.code for each in open_).items())),
        },
        "fixes": sum(1 for fix in fixes if fix.reconciliation == name),
        "tie_out": [asdict(line) for line in facts.tie_out if line.reconciliation == name],
    }


def break_rows(night: date, breaks: Sequence[Break]) -> list[dict[str, Any]]:
    """Rows of the table `breaks` of the state database."""
    return [
        {
            "break_id": each.break_id,
            "reconciliation": each.reconciliation,
            "key": each.key,
            "code": each.code,
            "class": str(each.class_),
            "state": each.state,
            "currency": each.currency,
            "difference_minor": each.difference,
            "psp": each.psp,
            "first_seen": each.first_seen,
            "last_seen": each.closed_on or night,
            "closed_on": each.closed_on,
            "deadline": each.deadline,
            "owner": each.owner,
            "rule": each.rule,
            "reason": each.reason,
            "fix_id": each.fix_id,
        }
        for each in breaks
    ]


def proposals(breaks: Sequence[Break], fixes: Sequence[Fix], rules: Sequence[Reconciliation]) -> list[Proposed]:
    """Tonight's fixes as the queue takes them: with their rule file's hash and what they were proposed from."""
    by_id = {each.break_id: each for each in breaks}
    of = {rule.name: rule for rule in rules}
    made = []
    for fix in fixes:
        each, rule = by_id[fix.break_id], of[fix.reconciliation]
        assert each.rule_number is not None, each
        made.append(
            Proposed(
                fix_id=fix.fix_id,
                break_id=fix.break_id,
                idempotency_key=fix.idempotency_key,
                reconciliation=fix.reconciliation,
                code=each.code,
                template=fix.template,
                class_=str(fix.class_),
                psp=each.psp,
                currency=fix.currency,
                amount_minor=fix.amount,
                content=fix.content,
                rule_sha256=rule.sha256,
                seen=_seen(each),
                auto_approve=rule.breaks[each.rule_number].auto_approve and fix.class_ is Class.AUTO_FIX,
                limit_text=None if fix.limit is None else to_text(fix.limit, fix.currency),
            )
        )
    return made


def _seen(each: Break) -> dict[str, Any]:
    """What a person sees of a break when deciding on its fix: nothing in it moves while no record of the break does."""
    return {
        "code": each.code,
        "class": str(each.class_),
        "currency": each.currency,
        "difference": each.difference,
        "provenance": each.provenance,
        **{f"{side}.amount": amount for side, amount in each.amounts.items()},
        **{f"{side}.currency": currency for side, currency in each.currencies.items()},
        **{shown: text for name, shown in _told(tuple(each.facts)) if (text := _fact(each.facts[name]))},
    }


@lru_cache(maxsize=64)  # all breaks of a reconciliation have the same facts
def _told(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Of these facts, those of a side but its amount and currency; each with the name that people read."""
    return [
        (name, name.replace("__", ".", 1))
        for name in names
        if "__" in name and name.partition("__")[2] not in ("amount", "currency")
    ]


def _fact(value: Any) -> str:
    """A fact as text. A count is a float or a whole number, as the batch that it came in happens to need."""
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else str(value)
    return "" if value is None else str(value)
