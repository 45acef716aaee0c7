"""Build: the night's facts for report and workbook, from breaks, fixes, inputs and totals that are already settled."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from recon.domain.breaks import Break, Fix
from recon.domain.casework import Word
from recon.domain.money import to_text
from recon.domain.rulebook import BreakRule, Class, Must, Reconciliation, Severity, Side
from recon.engine.duck import Engine
from recon.engine.expressions import equality
from recon.engine.plan import Plan
from recon.report import causes
from recon.report.facts import (
    BreakFact,
    FixFact,
    InputFact,
    NightFacts,
    PastFact,
    PostingFact,
    QuarantineFact,
    RecordFact,
    RollForwardLine,
    RuleFact,
    TieOutLine,
    TrendNight,
)
from recon.report.records import break_records, tried
from recon.report.tables import side_amount
from recon.report.words import translated

#: At most so many breaks are put into the page; the counts are always those of all.
EMBEDDED_MAX = 20_000
BUCKETS = (("0-1", 1), ("2-3", 3), ("4-7", 7), ("8-30", 30), ("30+", None))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the report says of the workspace."""

    workspace: str
    tool_version: str
    config_sha256: str
    time_zone: str
    cut_off: str
    previous_night: date | None
    audit_records: int = 0
    audit_head: str = ""


def bucket_of(age_days: int) -> str:
    """The ageing bucket of a number of business days."""
    return next(name for name, until in BUCKETS if until is None or age_days <= until)


def tie_out_lines(engine: Engine, plan: Plan) -> list[TieOutLine]:
    """Per provider and currency: external = internal + pending + breaks + residual."""
    external, internal = _tied(plan)
    if not external:
        return []
    sums: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for psp, currency, side, outcome, _, amount in engine.rows(f"select * from {plan.table('tie')} order by all"):
        if side in (external, internal):
            sums[psp, currency][side, outcome] += int(amount)
    groups = _group_counts(engine, plan)
    lines = []
    for (psp, currency), found in sorted(sums.items()):
        outside = sum(amount for (side, _), amount in found.items() if side == external)
        inside = sum(amount for (side, _), amount in found.items() if side == internal)
        pending = sum(found[external, each] - found[internal, each] for each in ("pending", "silent", "lapsed"))
        broken = found[external, "broken"] - found[internal, "broken"]
        counts = groups.get((psp, currency), Counter())
        lines.append(
            TieOutLine(
                reconciliation=plan.rule.name,
                psp=psp,
                currency=currency,
                external=to_text(outside, currency),
                internal=to_text(inside, currency),
                cleared=to_text(found[external, "cleared"], currency),
                pending=to_text(pending, currency),
                breaks=to_text(broken, currency),
                residual=to_text(outside - inside - pending - broken, currency),
                groups_cleared=counts["cleared"],
                groups_pending=counts["pending"],
                groups_broken=counts["broken"],
            )
        )
    return lines


def _tied(plan: Plan) -> tuple[str, str]:
    """The two sides whose amounts are equal wherever a group clears; one and none, where its amount is zero; or neither,
    where `agree` says no such thing."""
    first = plan.rule.sides[0]
    for expr in plan.rule.agree:
        sides = equality(expr)
        if sides == (f"{first.name}.amount", "0"):
            return first.name, ""
        for side in plan.rule.sides[1:]:
            if sides == (f"{first.name}.amount", f"{side.name}.amount") and not first.optional and not side.optional:
                return first.name, side.name
    return "", ""


def _group_counts(engine: Engine, plan: Plan) -> dict[tuple[str, str], Counter[str]]:
    first = "coalesce(" + ", ".join(f"{side.name}__currency" for side in plan.rule.sides) + ")"
    sql = f"""select coalesce(psp, ''), coalesce({first}, ''), 'cleared', sum(n) from {plan.table("swift_sums")} group by all
union all
select coalesce(psp, ''), coalesce(currency, ''), outcome, count(*) from {plan.table("outcomes")} where is_root group by all"""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for psp, currency, outcome, number in engine.rows(sql):
        counts[psp, currency][outcome] += int(number)
    return counts


def break_facts(
    engine: Engine, plans: Sequence[Plan], breaks: Sequence[Break], words: Mapping[str, Sequence[Word]] | None = None
) -> tuple[BreakFact, ...]:
    """The breaks that the page holds: the most severe and oldest first, each with its records.

    words   what people decided, by break id
    """
    shown = causes.carried(breaks, EMBEDDED_MAX)
    records: dict[tuple[str, int], tuple[RecordFact, ...]] = {}
    for plan in plans:
        gids = [each.gid for each in shown if each.reconciliation == plan.rule.name and each.gid is not None]
        if gids:
            records.update({(plan.rule.name, gid): found for gid, found in break_records(engine, plan, gids).items()})
    by_name = {plan.rule.name: plan for plan in plans}
    texts = Texts(plan.rule for plan in plans)
    return tuple(
        _break_fact(
            each,
            by_name.get(each.reconciliation),
            records.get((each.reconciliation, each.gid or 0), ()),
            texts,
            (words or {}).get(each.break_id, ()),
        )
        for each in shown
    )


class Texts:
    """The Korean of what rules say of a break, by the rule that named it."""

    def __init__(self, rules: Iterable[Reconciliation]) -> None:
        self._of: dict[tuple[str, str], BreakRule | Must] = {}
        for rule in rules:
            named: tuple[BreakRule | Must, ...] = (*rule.breaks, *rule.musts)
            self._of.update({(rule.name, each.code): each for each in named})

    def why(self, each: Break) -> str:
        rule = self._of.get((each.reconciliation, each.code))
        return translated(rule.why, rule.why_ko, each.why) if rule else ""

    def next_step(self, each: Break) -> str:
        rule = self._of.get((each.reconciliation, each.code))
        return translated(rule.next_step, rule.next_step_ko, each.next_step) if rule else ""


def _awaits(plan: Plan, each: Break, side: Side) -> bool:
    """Whether a break that lacks the side lacks something: an optional one only where its rule asks for it or its money."""
    if not side.optional or each.rule_number is None:
        return not side.optional
    when = plan.rule.breaks[each.rule_number].when
    asked = {argument.partition(".")[0] for _, argument in when.calls}
    return side.name in asked or not {f"{side.name}.amount", f"{side.name}.count"}.isdisjoint(when.names)


def _break_fact(
    each: Break, plan: Plan | None, records: tuple[RecordFact, ...], texts: Texts, words: Sequence[Word]
) -> BreakFact:
    kind = each.key.rpartition("/")[2]
    # A side that does not speak of this kind, or that may be absent, would look like a missing record.
    awaited = (
        {side.name for side in plan.rule.sides if plan.speaks(side, kind) and _awaits(plan, each, side)} if plan else ()
    )
    sides = [name for name in each.amounts if each.amounts[name] is not None or name in awaited]
    return BreakFact(
        break_id=each.break_id,
        reconciliation=each.reconciliation,
        key=each.key,
        code=each.code,
        class_=str(each.class_),
        state=each.state,
        currency=each.currency,
        difference=to_text(each.difference, each.currency) if each.difference is not None and each.currency else None,
        amounts={side: side_amount(each, side) for side in sides},
        psp=each.psp,
        first_seen=each.first_seen,
        age_days=each.age_days,
        deadline=each.deadline,
        owner=each.owner,
        rule=each.rule,
        why=each.why,
        next_step=each.next_step,
        reason=each.reason,
        fix_id=each.fix_id,
        provenance=each.provenance,
        related=each.related,
        records=records,
        tried=tried(plan, each.facts) if plan and each.facts else (),
        said=tuple(word.text for word in words),
        why_ko=texts.why(each),
        next_step_ko=texts.next_step(each),
        past=tuple(
            PastFact(
                past.night,
                past.state,
                str(past.class_),
                past.code,
                past.currency,
                to_text(past.difference, past.currency) if past.difference is not None and past.currency else None,
            )
            for past in each.past
        ),
    )


def _sent(message: Mapping[str, Any]) -> dict[str, str]:
    """A message as names and texts."""
    if not message:
        return {}
    return {"channel": message["channel"], "key": message["key"]} | {f"body.{k}": v for k, v in message["body"].items()}


def fix_fact(fix: Fix) -> FixFact:
    """A proposed fix as the report shows it."""
    return FixFact(
        fix_id=fix.fix_id,
        break_id=fix.break_id,
        template=fix.template,
        kind=fix.kind,
        memo=fix.memo,
        currency=fix.currency,
        amount=fix.amount_text,
        status=fix.status,
        idempotency_key=fix.idempotency_key,
        content_sha256=fix.content_sha256,
        postings=tuple(
            PostingFact(account, currency, to_text(amount, currency)) for account, currency, amount in fix.postings
        ),
        record=f"{fix.record} {fix.record_id}".strip(),
        seen=dict(fix.seen),
        set=dict(fix.set) or _sent(fix.message),
    )


def sentence(verdict: str, night: date, open_breaks: Sequence[Break], pending: int, awaiting: Sequence[str]) -> str:
    """The one sentence that the report opens with."""
    if verdict == "incomplete":
        besides = (
            f" {len(open_breaks)} open break{'s' if len(open_breaks) != 1 else ''} besides." if open_breaks else ""
        )
        return f"{night}: incomplete. Input of {', '.join(awaiting)} is missing or set aside; nothing missing there was judged.{besides}"
    if verdict == "breaks":
        by_class = Counter(each.class_ for each in open_breaks)
        parts = [
            f"{by_class[class_]} {str(class_).replace('_', ' ')}"
            for class_ in (Class.INVESTIGATE, Class.MANUAL_REVIEW, Class.AUTO_FIX)
            if by_class[class_]
        ]
        due = sum(1 for each in open_breaks if each.deadline is not None and each.deadline <= night)
        tail = f" {due} at or past the deadline." if due else ""
        return (
            f"{night}: {len(open_breaks)} open break{'s' if len(open_breaks) != 1 else ''} ({', '.join(parts)}).{tail}"
        )
    if verdict == "pending":
        return f"{night}: reconciled but for {pending} payment{'s' if pending != 1 else ''} in transit, none overdue."
    return f"{night}: reconciled. Every record is accounted for."


def sentence_ko(verdict: str, night: date, open_breaks: Sequence[Break], pending: int, awaiting: Sequence[str]) -> str:
    """The same sentence in Korean."""
    if verdict == "incomplete":
        besides = f" 그 밖에 미해결 불일치 {len(open_breaks):,}건이 있습니다." if open_breaks else ""
        return f"{night}: 미완료. {', '.join(awaiting)} 입력이 없거나 격리되어, 그쪽에 없는 건은 판정하지 않았습니다.{besides}"
    if verdict == "breaks":
        by_class = Counter(each.class_ for each in open_breaks)
        named = {Class.INVESTIGATE: "조사 필요", Class.MANUAL_REVIEW: "담당자 검토", Class.AUTO_FIX: "자동 수정"}
        parts = [f"{word} {by_class[class_]:,}" for class_, word in named.items() if by_class[class_]]
        due = sum(1 for each in open_breaks if each.deadline is not None and each.deadline <= night)
        tail = f" 기한이 오늘이거나 지난 건 {due:,}건." if due else ""
        return f"{night}: 미해결 불일치 {len(open_breaks):,}건 ({', '.join(parts)}).{tail}"
    if verdict == "pending":
        return f"{night}: 정산 대기 {pending:,}건을 빼고 모두 일치합니다. 기한을 넘긴 건은 없습니다."
    return f"{night}: 모두 일치합니다. 모든 레코드가 설명되었습니다."


def night_facts(
    settings: Settings,
    night: date,
    verdict: str,
    rules: Sequence[Reconciliation],
    groups: Mapping[str, int],
    breaks: Sequence[Break],
    shown: tuple[BreakFact, ...],
    fixes: Sequence[Fix],
    tie_out: Sequence[TieOutLine],
    roll_forward: Sequence[RollForwardLine],
    inputs: Sequence[InputFact],
    quarantine: Sequence[QuarantineFact],
    awaiting: Sequence[str],
    trend: Sequence[TrendNight] = (),
) -> NightFacts:
    """Everything that report.html and report.xlsx say of one night. trend: as the last night left it."""
    open_breaks = [each for each in breaks if each.is_open]
    hits = Counter((each.reconciliation, each.code) for each in open_breaks)
    embedded = {each.break_id for each in shown}
    return NightFacts(
        workspace=settings.workspace,
        night=night,
        verdict=verdict,
        sentence=sentence(verdict, night, open_breaks, groups.get("pending", 0), awaiting),
        tool_version=settings.tool_version,
        config_sha256=settings.config_sha256,
        time_zone=settings.time_zone,
        cut_off=settings.cut_off,
        previous_night=settings.previous_night,
        records_total=sum(each.rows for each in inputs),
        groups=dict(groups),
        breaks_open=len(open_breaks),
        breaks_new=sum(1 for each in open_breaks if each.state in ("new", "reopened")),
        breaks_resolved=len(breaks) - len(open_breaks),
        by_class={str(class_): sum(1 for each in open_breaks if each.class_ is class_) for class_ in Class},
        by_code=_by_code(open_breaks),
        ageing=_ageing(open_breaks),
        tie_out=tuple(tie_out),
        roll_forward=tuple(roll_forward),
        breaks=shown,
        fixes=tuple(fix_fact(fix) for fix in fixes if fix.break_id in embedded),
        inputs=tuple(inputs),
        quarantine=tuple(quarantine),
        rules=tuple(
            RuleFact(rule.name, code, str(class_), str(place), why, hits[rule.name, code], why_ko)
            for rule in rules
            for code, class_, place, why, why_ko in (
                *((each.code, each.class_, each.place, each.why, each.why_ko) for each in rule.breaks),
                *((must.code, must.class_, must.holds.place, must.why, must.why_ko) for must in rule.musts),
            )
        ),
        reproduce=f"recon run --date {night}",
        audit_records=settings.audit_records,
        audit_head=settings.audit_head,
        sentence_ko=sentence_ko(verdict, night, open_breaks, groups.get("pending", 0), awaiting),
        bridge=causes.bridge(rules, tie_out, open_breaks),
        clusters=causes.clusters(open_breaks, Texts(rules).why),
        trend=(*trend, causes.tonight(night, verdict, groups, open_breaks))[-causes.TREND_NIGHTS :],
        moves=causes.moves(breaks, night),
        ageing_amounts=_ageing_amounts(open_breaks),
        deadlines=(
            sum(1 for each in open_breaks if each.deadline == night),
            sum(1 for each in open_breaks if each.deadline is not None and each.deadline < night),
        ),
    )


def _by_code(open_breaks: Sequence[Break]) -> tuple[tuple[str, str, str, int, str], ...]:
    """(reconciliation, class, code, count, difference per currency), the most severe first."""
    counts: Counter[tuple[str, Class, str]] = Counter()
    sums: dict[tuple[str, Class, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in open_breaks:
        name = (each.reconciliation, each.class_, each.code)
        counts[name] += 1
        if each.currency and each.difference is not None:
            sums[name][each.currency] += each.difference
    order = sorted(counts, key=lambda name: (-Severity[name[1]], -counts[name], name[0], name[2]))
    return tuple(
        (
            name[0],
            str(name[1]),
            name[2],
            counts[name],
            " · ".join(f"{to_text(total, currency)} {currency}" for currency, total in sorted(sums[name].items())),
        )
        for name in order
    )


def _ageing(open_breaks: Sequence[Break]) -> tuple[tuple[str, str, int], ...]:
    counts = Counter((str(each.class_), bucket_of(each.age_days)) for each in open_breaks)
    return tuple((str(class_), name, counts[str(class_), name]) for class_ in Class for name, _ in BUCKETS)


def _ageing_amounts(open_breaks: Sequence[Break]) -> tuple[tuple[str, str, str, int], ...]:
    """(currency, bucket, differences added up without their signs, breaks): open money by age."""
    sums: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    for each in open_breaks:
        if each.currency and each.difference is not None:
            name = (each.currency, bucket_of(each.age_days))
            sums[name] += abs(each.difference)
            counts[name] += 1
    return tuple(
        (currency, bucket, to_text(sums[currency, bucket], currency), counts[currency, bucket])
        for currency, bucket in sorted(counts)
    )
