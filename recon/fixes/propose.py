"""Propose: a break with a known correction becomes a fix: a balanced journal entry, a guarded update or a message.

Reads   tonight's breaks with the amounts that the engine worked out for their rule's fix
Writes  `Fix` values, and the breaks with their class after limits and the brake
Never   proposes an unbalanced journal, or a fix from a source that is not complete.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from recon.domain.breaks import Fix
from recon.domain.canonical import canonical, sha256_text
from recon.domain.corrections import REFERENCES, debits
from recon.domain.money import to_text
from recon.domain.records import RECORD_TYPES
from recon.domain.rulebook import Brake, BreakRule, Class, FixTemplate, Reconciliation
from recon.errors import InvariantError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A break as the proposer sees it."""

    break_id: str
    rule: BreakRule
    class_: Class
    facts: Mapping[str, Any]
    postings: tuple[tuple[int | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The fixes of one reconciliation, and the breaks whose class changed with the reason."""

    fixes: tuple[Fix, ...]
    demoted: Mapping[str, str]  # break id -> why it is manual_review and not auto_fix


def propose_fixes(
    rule: Reconciliation,
    night: date,
    candidates: Sequence[Candidate],
    groups: int,
    brake: Brake,
    fill: Callable[[str, Mapping[str, Any]], str],
) -> Proposal:
    """Fixes for every candidate whose rule has a template; limits and the brake turn auto_fix into manual_review.

    groups   how many groups the night looked at, for the brake's share
    """
    made: list[tuple[Candidate, Fix]] = []
    demoted: dict[str, str] = {}
    for each in candidates:
        template = rule.fixes.get(each.rule.fix) if each.rule.fix else None
        body = _body(rule, template, each, fill) if template else None
        if body is None:
            if each.class_ is Class.AUTO_FIX:
                demoted[each.break_id] = "its fix has no amount"
            continue
        if body["kind"] == "journal" and not _findable(rule, body, each.facts):
            # The next night would find its entries and the break side by side.
            demoted[each.break_id] = "its records bear no reference that entries could be found by: book it by hand"
            continue
        over = _over(body, each.rule.limit)
        if each.class_ is Class.AUTO_FIX and over:
            demoted[each.break_id] = over
        made.append((each, _fix(rule, night, each, body, each.rule.limit.get(body["currency"]))))
    automatic = [(each, fix) for each, fix in made if each.class_ is Class.AUTO_FIX and each.break_id not in demoted]
    braked = _braked([fix for _, fix in automatic], groups, rule.brake or brake)
    if braked:
        demoted.update({each.break_id: braked for each, _ in automatic})
    fixes = tuple(_classed(fix, each.class_, demoted) for each, fix in made)
    return Proposal(fixes, demoted)


def _over(body: Mapping[str, Any], limits: Mapping[str, int]) -> str:
    """Why the fix is not within the limits of its rule, in each currency that it moves; empty where it is."""
    if not body["currency"]:
        of_goods = body["kind"] == "update" and not body["amount"]
        return "" if of_goods else "there is no amount to hold against its limit"
    for currency, amount in ({body["currency"]: body["amount"]} | _debits(body.get("postings", ()))).items():
        if currency not in limits:
            return f"no limit for {currency}"
        if amount > limits[currency]:
            return f"above the limit of {to_text(limits[currency], currency)} {currency}"
    return ""


def _debits(postings: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    return debits((currency, amount) for _, currency, amount in postings)


def _body(
    rule: Reconciliation, template: FixTemplate, each: Candidate, fill: Callable[[str, Mapping[str, Any]], str]
) -> dict[str, Any] | None:
    """What the fix does; None where an amount is unknown or nothing is left to correct."""
    if template.is_journal:
        postings = []
        for posting, (amount, currency) in zip(template.postings, each.postings, strict=False):
            if amount is None or currency is None:
                return None
            postings.append((posting.account, currency, amount))
        if not any(amount for _, _, amount in postings):
            return None
        postings = [posting for posting in postings if posting[2]]  # a line of nothing says nothing
        _balanced(template.name, postings)
        facts = {**each.facts, "code": each.rule.code}
        return {
            "kind": "journal",
            "memo": fill(template.memo, facts),
            "postings": postings,
            "references": _references(each.facts) | ({"kind": template.kind} if template.kind else {}),
            "currency": postings[0][1],
            "amount": _debits(postings)[postings[0][1]],
        }
    if template.channel is not None:
        return _message(template, each, fill)
    side = template.update or ""
    amount, currency = each.facts.get(f"{side}__amount"), each.facts.get(f"{side}__currency")
    if not RECORD_TYPES[rule.side(side).record].has_money:
        # Of goods; it has no amount that a limit could be held against.
        amount, currency = (0, "") if each.facts.get(f"{side}__record_id") else (None, None)
    if amount is None or currency in (None, "mixed"):
        return None
    return {
        "kind": "update",
        "memo": "",
        "record": side,
        "record_id": each.facts.get(f"{side}__record_id") or "",
        "seen": {name: _text(each.facts.get(f"{side}__{name}")) for name in template.seen},
        "set": dict(template.set),
        "currency": currency,
        "amount": abs(int(amount)),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _references(facts: Mapping[str, Any]) -> dict[str, str]:
    """What a posting has to bear for the next night to find it: the payment that it is about, as the sides name it."""
    found, keys = {}, _naming(tuple(facts))
    for name in REFERENCES:
        known = {str(value) for key in keys[name] if (value := facts[key]) not in (None, "")}
        if len(known) == 1:
            (found[name],) = known
    return found


@lru_cache(maxsize=64)  # all breaks of a reconciliation have the same facts
def _naming(keys: tuple[str, ...]) -> dict[str, list[str]]:
    """Of these facts, those that hold each reference, and those that hold a memo."""
    names = (*REFERENCES, "memo")
    return {name: [key for key in keys if key == name or key.endswith(f"__{name}")] for name in names}


def _findable(rule: Reconciliation, body: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether some pass would unite the journal's entries with the break's records: they bear the fields that it goes by."""
    borne = {"kind", *body["references"]}
    if body["memo"] in {facts[key] for key in _naming(tuple(facts))["memo"]}:
        borne.add("memo")
    by = (set(each.on) - {"currency", "amount", "kind"} for each in rule.passes)
    return any(fields and fields <= borne for fields in by)


def _message(
    template: FixTemplate, each: Candidate, fill: Callable[[str, Mapping[str, Any]], str]
) -> dict[str, Any] | None:
    """The record sent again under its own id; None where the id is not known. It may be about no money at all."""
    side, facts = template.side, {**each.facts, "code": each.rule.code}
    key = facts.get(f"{side}__{template.key}")
    if key is None:
        return None
    amount, currency = facts.get(f"{side}__amount"), facts.get(f"{side}__currency")
    known = amount is not None and currency not in (None, "mixed")
    return {
        "kind": "message",
        "memo": "",
        "record": side,
        "record_id": facts.get(f"{side}__record_id") or "",
        "message": {
            "channel": template.channel,
            "key": str(key),
            "body": {name: fill(text, facts) for name, text in template.body.items()},
        },
        # Of several currencies: the ceilings let no amount without its currency pass.
        "currency": currency if known else "",
        "amount": abs(int(amount)) if amount is not None else 0,
    }


def _balanced(template: str, postings: Sequence[tuple[str, str, int]]) -> None:
    sums: dict[str, int] = defaultdict(int)
    for _, currency, amount in postings:
        sums[currency] += amount
    off = {currency: total for currency, total in sums.items() if total}
    if off:
        raise InvariantError(
            "fix-unbalanced", f"the fix {template} does not sum to zero: {off}", "mend the template's postings"
        )


def _fix(rule: Reconciliation, night: date, each: Candidate, body: Mapping[str, Any], limit: int | None) -> Fix:
    amounts = body.get("postings") or body.get("message") or [body["seen"], body["set"]]
    key = hashlib.sha256(json.dumps([each.break_id, each.rule.fix, amounts], ensure_ascii=False).encode()).hexdigest()
    made = Fix(
        fix_id="FIX-" + key[:16].upper(),
        break_id=each.break_id,
        reconciliation=rule.name,
        template=each.rule.fix or "",
        kind=body["kind"],
        memo=body["memo"],
        currency=body["currency"],
        amount=body["amount"],
        limit=limit,
        class_=each.class_,
        idempotency_key=key,
        content_sha256="",
        proposed_on=night,
        postings=tuple(tuple(posting) for posting in body.get("postings", ())),
        references=body.get("references", {}),
        record=body.get("record", ""),
        record_id=body.get("record_id", ""),
        seen=body.get("seen", {}),
        set=body.get("set", {}),
        message=body.get("message", {}),
    )
    return replace(made, content_sha256=sha256_text(canonical(made.content)))


def _classed(fix: Fix, class_: Class, demoted: Mapping[str, str]) -> Fix:
    class_ = Class.MANUAL_REVIEW if fix.break_id in demoted else class_
    return fix if fix.class_ is class_ else replace(fix, class_=class_)


def _braked(automatic: Sequence[Fix], groups: int, brake: Brake) -> str:
    """Why the brake is on, or empty: an upstream fault is likelier than a thousand small ones."""
    if len(automatic) > brake.count:
        return f"brake: {len(automatic)} automatic fixes, more than {brake.count}"
    # A share says little of a handful of groups: one fix among five is not a fault upstream.
    if len(automatic) > 10 and len(automatic) * 100 > groups * brake.share_percent:
        return f"brake: automatic fixes for more than {brake.share_percent} % of {groups} groups"
    sums: dict[str, int] = defaultdict(int)
    for fix in automatic:
        sums[fix.currency] += fix.amount
    for currency, total in sorted(sums.items()):
        ceiling = brake.amount.get(currency)
        if ceiling is not None and total > ceiling:
            return f"brake: automatic fixes of {to_text(total, currency)} {currency}, more than {to_text(ceiling, currency)}"
    return ""
