"""summary.json, and the rows that the state database keeps of a night."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from recon.domain.breaks import Break, Fix
from recon.domain.rulebook import Class
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


def state_rows(
    night: date, breaks: Sequence[Break], fixes: Sequence[Fix]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the tables `breaks` and `fixes` of the state database."""
    known = [
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
    proposed = [
        {
            "fix_id": fix.fix_id,
            "break_id": fix.break_id,
            "idempotency_key": fix.idempotency_key,
            "content_sha256": fix.content_sha256,
            "template": fix.template,
            "class": str(fix.class_),
            "currency": fix.currency,
            "amount_minor": fix.amount,
            "content": json.dumps(fix.as_json(), sort_keys=True, ensure_ascii=False),
            "status": fix.status,
            "proposed_on": fix.proposed_on,
        }
        for fix in fixes
    ]
    return known, proposed
