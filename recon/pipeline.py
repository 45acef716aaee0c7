"""Pipeline: one night, from inputs to the published folder. `run_night` reads top to bottom in the order of docs/matching.md.

fetch and ingest -> match -> classify -> propose -> carry -> prove -> report -> publish -> state
"""

from __future__ import annotations

import gc
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon import __version__, crosscheck
from recon.classify import (
    closed_by_people,
    corrected,
    fill,
    honour,
    make_break,
    name_breaks,
    said,
    settle_breaks,
    unmatched,
)
from recon.domain.breaks import Break, Fix
from recon.domain.calendar import DayBounds, day_bounds
from recon.domain.casework import FixWord
from recon.domain.completeness import Awaited
from recon.domain.rulebook import Class, Moves, Reconciliation
from recon.engine.duck import Engine, inside
from recon.engine.plan import Plan
from recon.errors import Exit
from recon.fixes import Candidate, propose_fixes
from recon.fixes.night import queue_night
from recon.fixes.queue import Proposed, signature
from recon.inputs import leave_quarantine, read_inputs, write_inputs, write_sides
from recon.intake import Inputs
from recon.match import match
from recon.match.carry import carry_forward, group_counts, write_pending
from recon.match.outcomes import what_became
from recon.match.population import Loaded, new_records, open_records
from recon.people import People, read_people
from recon.report.build import Settings, break_facts, night_facts, tie_out_lines
from recon.report.causes import read_trend, write_trend
from recon.report.facts import InputFact, NightFacts, QuarantineFact, RollForwardLine, TieOutLine
from recon.report.tables import read_known, write_breaks, write_fixes, write_known, write_quarantine, write_tried
from recon.settle import settle_inputs
from recon.store.folder import make_durable, manifest_sha256, night_folder, publish, published, write_json
from recon.store.history import cleared_files, earlier_nights, earlier_records, night_before
from recon.store.lock import night_lock
from recon.store.started import started
from recon.store.state import record_night
from recon.summary import break_rows, proposals, summary
from recon.totals import prove_roll_forward, prove_tie_out
from recon.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Notify = Callable[[str], None]
#: Rows of a night up to which its relations are kept as tables (`Engine.relation`); a few dozen megabytes at most.
SMALL = 50_000


@dataclass(frozen=True)
class Options:
    """How a night is run. `only`: reconciliations by name, all when empty; `dry_run`: publish nothing.

    new_config   take rules that were edited since a run of this night was killed
    maker        who runs it: maker of the fixes it proposes, who never approves them; empty: `recon.fixes.night.maker`
    """

    only: tuple[str, ...] = ()
    dry_run: bool = False
    refetch: bool = False
    new_config: bool = False
    maker: str = ""


@dataclass
class NightResult:
    """What a night came to."""

    night: date
    verdict: str
    sentence: str
    folder: Path
    counts: dict[str, int]
    breaks: list[Break]
    fixes: list[Fix]
    facts: NightFacts
    steps: list[tuple[str, str]]
    seconds: dict[str, float]
    changed: bool  # False where a rerun made the same bytes
    incomplete: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        return Exit.INCOMPLETE if self.incomplete else Exit.OK

    def table(self, name: str) -> pa.Table:
        """A Parquet table of the published night by name: "breaks", or "open/payin/psp"."""
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / f"{name}.parquet")

    def breaks_frame(self) -> pd.DataFrame:
        """breaks.parquet as a DataFrame; amounts are decimal text, so that nothing is rounded."""
        frame: pd.DataFrame = self.table("breaks").to_pandas()
        return frame


@dataclass
class Outcome:
    """What one night's reconciliations came to, before it is written."""

    plans: list[Plan] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    proposed: list[Proposed] = field(default_factory=list)  # the fixes as the queue takes them
    groups: Counter[str] = field(default_factory=Counter)
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    references: dict[str, list[str]] = field(
        default_factory=dict
    )  # break id -> the payments and orders that it speaks of
    tie_out: list[TieOutLine] = field(default_factory=list)
    roll_forward: list[RollForwardLine] = field(default_factory=list)
    held: set[str] = field(default_factory=set)  # breaks that tonight could not judge: their fixes stay as they are


def run_night(
    workspace: Workspace,
    night: date,
    options: Options = Options(),
    notify: Notify = lambda text: None,
    advance: Callable[[int], None] | None = None,
) -> NightResult:
    """Reconcile one night and publish its folder; safe to run again at any time.

    notify    told of each stage as it begins; `advance` of the number of rows that were read since it was told last
    Raises ReconError for what a person can mend; a missing or unreadable input is not raised but makes the night incomplete.
    """
    clock = _Clock()
    with (
        _no_collecting(),
        night_lock(workspace.root, night),
        night_folder(workspace.nights, night) as making,
        started(workspace.root, night, workspace.config_sha256, workspace.hashes, options.new_config),
    ):
        before = night_before(workspace.nights, night, workspace.first_night or night)
        engine = Engine(making / ".spill", workspace.memory_limit, workspace.threads)
        engine.advance = advance
        try:
            bounds = day_bounds(night, workspace.zone, workspace.cut_off)
            inputs = read_inputs(engine, workspace, night, bounds, making, before, options.refetch, notify)
            clock.lap("ingest")
            people = read_people(workspace, night)
            outcome = _reconcile(engine, workspace, night, options, before, inputs, people, bounds, making, notify)
            clock.lap("reconcile")
            result = _write(engine, workspace, night, before, inputs, people, outcome, making, notify)
            engine.finish()
            clock.lap("report")
        finally:
            engine.close()
        shutil.rmtree(making / ".spill", ignore_errors=True)
        if not options.dry_run:
            notify("publishing")
            make_durable(workspace.raw, [each.entry["sha256"] for each in inputs.read if each.entry["sha256"]])
            result.changed = publish(making, workspace.nights, night)
            _record_state(workspace, night, before, result, outcome, options.maker)
            clock.lap("publish")
    result.seconds = clock.laps
    return result


def _reconcile(
    engine: Engine,
    workspace: Workspace,
    night: date,
    options: Options,
    before: Path | None,
    inputs: Inputs,
    people: People,
    bounds: DayBounds,
    making: Path,
    notify: Notify,
) -> Outcome:
    rules = [rule for rule in workspace.reconciliations if not options.only or rule.name in options.only]
    earlier = earlier_nights(workspace.nights, night, workspace.look_back_days)
    records = earlier_records(earlier)
    moves = {source.record: source.moves for source in workspace.sources}
    loaded = [
        Loaded(each.source.name, each.source.record, each.relation, each.order) for each in inputs.read if each.relation
    ]
    still_open = open_records(workspace.reconciliations, before / "open") if before else {}
    seen = {record: [*records.get(record, ()), *still_open.get(record, ())] for record in {*records, *still_open}}
    engine.small = sum(each.entry["read"] for each in inputs.read) <= SMALL
    new_records(engine, loaded, moves, seen)
    settle_inputs(engine, workspace, inputs, night, bounds, seen)
    leave_quarantine(engine, inputs, night)
    known = read_known(before / "open" / "breaks.parquet") if before else {}
    outcome = Outcome()
    for rule in rules:
        notify(f"matching {rule.name}, {sum(each.entry['read'] for each in inputs.read):,} records")
        plan = _plan(workspace, rule, night, moves)
        opened = before / "open" / rule.name if before else None
        if opened and not opened.exists():
            opened = None  # a reconciliation that the last night did not have yet
        match(engine, plan, workspace.reconciliations, opened, cleared_files(earlier, rule.name))
        _classify(engine, workspace, plan, inputs, people, known, making, outcome)
        outcome.roll_forward += prove_roll_forward(engine, plan, inputs, opened, making / "open" / rule.name)
        tie_out = tie_out_lines(engine, plan)
        prove_tie_out(tie_out)
        outcome.tie_out += tie_out
        outcome.plans.append(plan)
    _cross_check(outcome, workspace, known)
    return outcome


def _cross_check(outcome: Outcome, workspace: Workspace, known: Mapping[str, Break]) -> None:
    """What the reconciliations say of each other, once all of them have spoken."""
    breaks, fixes = crosscheck.relate(outcome.breaks, outcome.references), outcome.fixes
    breaks, fixes = crosscheck.fix_once(breaks, fixes)
    ran = {plan.rule.name for plan in outcome.plans}
    others = [each for each in known.values() if each.reconciliation not in ran]
    if why := crosscheck.stopped_by([*breaks, *others], workspace.reconciliations):
        breaks, fixes = crosscheck.stop_fixes(breaks, fixes, why)
    outcome.breaks, outcome.fixes = breaks, fixes


def _plan(workspace: Workspace, rule: Reconciliation, night: date, moves: Mapping[str, Moves]) -> Plan:
    return Plan(
        rule=rule,
        night=night,
        ends=day_bounds(night, workspace.zone, workspace.cut_off).end.replace(tzinfo=None),
        calendar=workspace.calendar,
        calendars=workspace.psp_calendars,
        moves=moves,
        look_back_days=workspace.look_back_days,
        terms=workspace.terms,
    )


def _classify(
    engine: Engine,
    workspace: Workspace,
    plan: Plan,
    inputs: Inputs,
    people: People,
    known: Mapping[str, Break],
    making: Path,
    outcome: Outcome,
) -> None:
    """Name what is left over, leave what is awaited pending, propose fixes, settle states, and carry the rest forward."""
    ours = {each.break_id: each for each in known.values() if each.reconciliation == plan.rule.name}
    tonight: list[Break] = []
    awaited: list[int] = []
    for batch in name_breaks(engine, plan, ours.values()):
        for named in batch:
            each = make_break(plan, named, fill)
            before = ours.get(each.break_id)
            if not _waits_for(plan, inputs, each):
                tonight.append(each)
            elif before and before.is_open:
                outcome.held.add(each.break_id)
                tonight.append(replace(before, gid=each.gid, facts=each.facts, rule_number=None))
            elif each.gid is not None:
                awaited.append(each.gid)
    unread = _held(plan, inputs, ours, {each.break_id for each in tonight})
    outcome.held |= {each.break_id for each in unread}
    tonight += unread
    carry_forward(engine, plan, making, awaited)
    groups = Counter({str(name): int(count) for name, count in engine.rows(group_counts(plan))})
    named_tonight = {each.break_id for each in tonight}
    reopened = unmatched(plan.rule.name, people.cases, ours, plan.night)
    tonight += [each for each in reopened if each.break_id not in named_tonight]
    closed, lapsed = closed_by_people(tonight, people.cases)
    tonight, fixes = _propose(workspace, plan, inputs, people, closed, tonight, sum(groups.values()))
    rules = plan.rule.breaks
    settled = settle_breaks(
        tonight,
        ours,
        workspace.calendar,
        plan.night,
        lambda each: rules[each.rule_number].deadline_days if each.rule_number is not None else None,
        lambda gone: _became(people, gone, what_became(engine, plan, {each.break_id: each.key for each in gone})),
        workspace.look_back_days,
    )
    settled = honour(settled, ours, people.cases, closed, lapsed, plan.night)
    of_gid = {each.gid: each.break_id for each in settled if each.gid is not None and each.is_open}
    found = crosscheck.references(engine, plan, sorted(of_gid))
    outcome.references |= {of_gid[gid]: listed for gid, listed in found.items()}
    outcome.breaks += settled
    outcome.fixes += fixes
    outcome.groups += groups
    outcome.by_rule[plan.rule.name] = groups


def _became(people: People, gone: Sequence[Break], became: Mapping[str, str]) -> dict[str, str]:
    """Why known breaks are none tonight: a person closed what a person had unmatched, a fix corrected it, or as it came."""
    corrections = people.corrections()
    why = {each.break_id: corrected(became[each.break_id], corrections.get(each.break_id)) for each in gone}
    for each in gone:
        case = people.cases.get(each.break_id)
        if case is not None and case.opened is not None and case.closed is not None:
            why[each.break_id] = said(case.closed, each.break_id)
    return why


def _waits_for(plan: Plan, inputs: Inputs, each: Break) -> bool:
    """Whether a side that is missing from the group is one of an incomplete source."""
    for source in inputs.incomplete:
        for side in plan.rule.sides:
            missing = not each.facts[f"{side.name}__count"] and plan.speaks(side, each.facts["kind"] or "")
            same_provider = not source.psp or not each.psp or source.psp == each.psp
            if side.record == source.record and missing and same_provider and not each.facts["unclaimed"]:
                return True
    return False


def _held(plan: Plan, inputs: Inputs, ours: Mapping[str, Break], found: set[str]) -> list[Break]:
    """Known breaks that stay as they were: a source that is read whole each night was not read, so nothing of it is there."""
    unread = {source.record for source in inputs.incomplete if source.moves is Moves.STATE}
    if not any(side.record in unread for side in plan.rule.sides):
        return []
    still = (each for each in ours.values() if each.is_open and each.break_id not in found)
    return [replace(each, gid=None, facts={}, rule_number=None) for each in still]


def _propose(
    workspace: Workspace,
    plan: Plan,
    inputs: Inputs,
    people: People,
    closed: Mapping[str, str],
    breaks: Sequence[Break],
    groups: int,
) -> tuple[list[Break], list[Fix]]:
    """Fixes of one reconciliation, none from a source that is incomplete or in doubt; the breaks with their final class.

    closed   breaks that people closed: nothing is proposed for them
    """
    doubts = {each.psp: "whole and minor units may be mixed up" for each in breaks if each.facts.get("scale_suspected")}
    doubts |= {source.psp: "its source is incomplete tonight" for source in inputs.incomplete}
    everyone = next((doubts[""] for source in inputs.incomplete if not source.psp), "")
    doubted = {each.break_id: doubt for each in breaks if (doubt := everyone or doubts.get(each.psp, ""))}
    candidates = [
        Candidate(each.break_id, plan.rule.breaks[each.rule_number], each.class_, each.facts, each.postings)
        for each in breaks
        if each.rule_number is not None and each.break_id not in doubted and each.break_id not in closed
    ]
    proposal = propose_fixes(plan.rule, plan.night, candidates, groups, workspace.brake, fill)
    fix_of = {fix.break_id: fix.fix_id for fix in proposal.fixes}
    corrections = people.corrections()
    final = []
    for each in breaks:
        why = proposal.demoted.get(each.break_id)
        if each.class_ is Class.AUTO_FIX and each.rule_number is not None and each.break_id in doubted:
            why = doubted[each.break_id]
        applied = corrections.get(each.break_id)
        if applied is not None and applied.applied_on is not None and applied.applied_on < plan.night:
            text = f"{applied.fix_id} was applied on {applied.applied_at[:10]}, and the break is still there"
            why = "; ".join(filter(None, [why, text]))
        if why and each.class_ is not Class.AUTO_FIX:
            each = replace(each, reason="; ".join(filter(None, [each.reason, why])))
        elif why:
            each = replace(each, class_=Class.MANUAL_REVIEW, reason="; ".join(filter(None, [each.reason, why])))
        final.append(replace(each, fix_id=fix_of.get(each.break_id)))
    return final, list(proposal.fixes)


def _write(
    engine: Engine,
    workspace: Workspace,
    night: date,
    before: Path | None,
    inputs: Inputs,
    people: People,
    outcome: Outcome,
    making: Path,
    notify: Notify,
) -> NightResult:
    """Write every file of the night but the manifest."""
    notify("writing the report")
    sides = list(dict.fromkeys(side.name for plan in outcome.plans for side in plan.rule.sides))
    shown = [each for each in outcome.breaks if each.is_open or each.closed_on == night]
    awaiting = sorted({source.name for source in inputs.incomplete})
    shown_inputs = {each.entry["sha256"] for each in inputs.read if each.entry["sha256"]}
    verdict = _verdict(awaiting, shown, outcome.groups)
    write_breaks(making, shown, sides)
    write_known(making / "open" / "breaks.parquet", outcome.breaks)
    outcome.proposed = proposals(outcome.breaks, outcome.fixes, [plan.rule for plan in outcome.plans])
    outcome.fixes, used = _as_they_stand(people, outcome, night)
    people.write(making, [each.break_id for each in outcome.breaks], used)
    write_fixes(making, outcome.fixes)
    quarantined = _quarantined(engine)
    write_quarantine(making, quarantined)
    write_pending(engine, outcome.plans, making / "pending.csv")
    write_inputs(inputs, making)
    write_sides(workspace, making)
    settings = Settings(
        workspace.name,
        __version__,
        workspace.config_sha256,
        str(workspace.zone),
        f"{workspace.cut_off:%H:%M}",
        date.fromisoformat(before.name) if before else None,
        people.head.seq,
        people.head.sha256,
    )
    facts = night_facts(
        settings,
        night,
        verdict,
        [plan.rule for plan in outcome.plans],
        outcome.groups,
        shown,
        break_facts(engine, outcome.plans, shown, {each: case.words for each, case in people.cases.items()}),
        outcome.fixes,
        outcome.tie_out,
        outcome.roll_forward,
        [_input_fact(each.entry) for each in inputs.read]
        + [_awaited_fact(each) for _, each in inputs.awaiting if each.sha256 not in shown_inputs],
        [
            QuarantineFact(
                **{name: row[name] for name in ("file", "sha256", "line", "column", "found", "expected", "raw")}
            )
            for row in quarantined
        ],
        inputs.since(),
        read_trend(before / "open" / "trend.json") if before else (),
    )
    write_tried(making / "tried.parquet", ((each.break_id, each.tried) for each in facts.breaks if each.tried))
    write_trend(making / "open" / "trend.json", facts.trend)
    _write_pages(facts, making)
    previous = {"night": before.name, "manifest_sha256": manifest_sha256(before)} if before else None
    write_json(
        making / "summary.json",
        summary(facts, outcome.by_rule, outcome.breaks, outcome.fixes, inputs, previous, workspace),
    )
    _write_steps(engine, making)
    return NightResult(
        night=night,
        verdict=verdict,
        sentence=facts.sentence,
        folder=workspace.nights / str(night),
        counts=dict(outcome.groups) | {"breaks": facts.breaks_open, "fixes": len(outcome.fixes)},
        breaks=outcome.breaks,
        fixes=outcome.fixes,
        facts=facts,
        steps=list(engine.steps),
        seconds={},
        changed=True,
        incomplete=tuple(awaiting),
    )


def _as_they_stand(people: People, outcome: Outcome, night: date) -> tuple[list[Fix], list[FixWord]]:
    """Tonight's fixes with what the queue says of each, where it says it of the very same fix; and those words."""
    known = {each.fix_id: each for each in people.fixes}
    made, used = [], []
    for fix, proposed in zip(outcome.fixes, outcome.proposed, strict=True):
        word = known.get(fix.fix_id)
        # What its rule approves by itself is proposed on the night that does it, however often that runs.
        if word is None or word.status in ("proposed", "superseded") or (word.automatic and word.proposed_on >= night):
            made.append(fix)
        elif word.status == "applied" or word.is_of(*signature(proposed)):
            made.append(replace(fix, status=word.status))
            used.append(word)
        else:
            made.append(fix)
    return made, used


def _verdict(awaiting: Sequence[str], breaks: Sequence[Break], groups: Mapping[str, int]) -> str:
    """Worst first: incomplete, breaks, pending, reconciled."""
    if awaiting:
        return "incomplete"
    if any(each.is_open for each in breaks):
        return "breaks"
    return "pending" if groups.get("pending") else "reconciled"


def _quarantined(engine: Engine) -> list[dict[str, Any]]:
    names = ["file", "sha256", "line", "column", "found", "expected", "raw"]
    rows = engine.rows(
        "select file, sha256, line, column_name, found, expected, raw from listed_quarantine order by all"
    )
    return [{name: "" if value is None else value for name, value in zip(names, row, strict=True)} for row in rows]


def _input_fact(entry: Mapping[str, Any]) -> InputFact:
    replaced = entry.get("replaced_by", "")
    overdue = f"came after its hour: was due by {entry['due_by']}" if entry.get("overdue") else ""
    reasons = (entry["reason"], f"replaced by {replaced}" if replaced else "", overdue)
    return InputFact(
        source=entry["source"],
        name=entry["name"],
        sha256=entry["sha256"],
        rows=entry["rows"],
        read=entry["read"],
        quarantined=entry["quarantined"],
        replayed=entry["replayed"],
        restated=entry["restated"],
        late=entry["late"],
        arrival=entry["arrival"],
        status="replaced" if replaced else entry["status"],
        reason="; ".join(filter(None, reasons)),
        totals=tuple((kind, currency, rows, amount) for kind, currency, rows, amount in entry["totals"]),
        controls=tuple((name, state, detail) for name, state, detail in entry["controls"]),
        remedy="" if replaced else entry["remedy"],
    )


def _awaited_fact(each: Awaited) -> InputFact:
    """What the night waits for: a file or a number that never came, or a file that an earlier night set aside."""
    status = {"set_aside": "set_aside", "late": "late"}.get(each.state, "awaiting")
    nights = f"; since {each.since}, {each.nights} nights" if each.nights > 1 else ""
    reason = each.reason + nights
    return InputFact(
        each.source, each.path, each.sha256, 0, 0, 0, 0, 0, False, each.arrival, status, reason, (), (), each.remedy
    )


def _write_pages(facts: NightFacts, making: Path) -> None:
    from recon.report.html import write_html
    from recon.report.workbook import write_workbook

    write_html(facts, making / "report.html")
    write_workbook(facts, making / "report.xlsx")


def _write_steps(engine: Engine, making: Path) -> None:
    """sql/: what ran, in order; paths of this run's own folder taken out, so that the text is the same every time."""
    folder = making / "sql"
    folder.mkdir()
    body = "\n\n".join(f"-- {number:03d} {name}\n{sql};" for number, (name, sql) in enumerate(engine.steps, 1))
    body = body.replace(inside(making), "{night}").replace(inside(making.parent.parent), "{workspace}")
    (folder / "steps.sql").write_text(body + "\n", encoding="utf-8")


def _record_state(
    workspace: Workspace, night: date, before: Path | None, result: NightResult, outcome: Outcome, maker: str
) -> None:
    newest = max(published(workspace.nights), default=night)
    facts = {
        "night": night,
        "verdict": result.verdict,
        "manifest_sha256": manifest_sha256(workspace.nights / str(night)),
        "previous_sha256": manifest_sha256(before) if before else None,
    }
    queue = queue_night(
        night,
        outcome.proposed,
        maker,
        [plan.rule.name for plan in outcome.plans],
        outcome.held,
        {each.break_id: each.reason for each in result.breaks if not each.is_open},
        workspace.policy,
    )
    known = break_rows(night, result.breaks)
    record_night(workspace.state_url.value, workspace.root, night, facts, known, newest == night, queue)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Without the cycle collector: a night makes millions of small values and no cycles, and it would walk over them all."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Clock:
    """Seconds per stage, for people; nothing that is published depends on it."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._since
        self._since = now


__all__ = ["NightResult", "Notify", "Options", "run_night"]
