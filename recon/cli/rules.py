"""`recon rules`: the rules that are in force, their reasons, and the cases that they carry."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import (
    Progress,
    emit,
    emit_json,
    find_workspace,
    json_option,
    next_command,
    say,
    table,
    workspace_option,
)
from recon.errors import Exit, ReconError

if TYPE_CHECKING:
    from recon.backtest import Backtest
    from recon.domain.rulebook import BreakRule, Must, Reconciliation


def _workspace(_ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    return find_workspace(value) if value is not None else None


_workspace_option = click.option(
    "-w",
    "--workspace",
    type=click.Path(path_type=Path),
    envvar="RECON_WORKSPACE",
    callback=_workspace,
    help="Folder with recon.yaml; by default the nearest one. Without any: the rules that ship with recon.",
)


def _reconciliations(given: Path | None) -> tuple[Reconciliation, ...]:
    """Those of the workspace; where there is none, the shipped ones."""
    from recon.config.rule_file import load_reconciliation
    from recon.config.shipped import shipped_rules
    from recon.config.workspace_file import load_workspace

    try:
        root = given or find_workspace()
    except ReconError:
        say("no workspace here: these are the rules that ship with recon")
        return tuple(load_reconciliation(path, f"rules/{path.name}") for path in sorted(shipped_rules().glob("*.yaml")))
    return load_workspace(root).reconciliations


@click.group()
def rules() -> None:
    """Test, list and explain the rules.

    \b
    Example:  recon rules explain psp_not_in_ledger
    """


@rules.command("list")
@_workspace_option
@json_option
def list_(workspace: Path | None, as_json: bool) -> None:
    """List the rules in the order in which they are tried; the first that holds names the break.

    \b
    Example:  recon rules list --json
    """
    rows = [
        {"reconciliation": each.name, "code": rule.code, "class": str(rule.class_), "place": str(rule.place)}
        | {"why": rule.why, "cases": len(rule.fires_on) + len(rule.silent_on)}
        for each in _reconciliations(workspace)
        for rule in each.breaks
    ]
    if as_json:
        emit_json(rows)
        return
    heads = ("reconciliation", "code", "class", "cases", "why")
    table([[row[head] for head in heads] for row in rows], heads)
    next_command("recon rules explain CODE")


@rules.command("test")
@_workspace_option
@json_option
@click.pass_context
def test(ctx: click.Context, workspace: Path | None, as_json: bool) -> None:
    """Run every rule's own cases (fires_on, silent_on) on the engine.

    \b
    Example:  recon rules test

    \b
    Exit status:  0 all came out as they say   2 one did not
    """
    from recon.config.cases import run_cases

    results = [(each.name, result) for each in _reconciliations(workspace) for result in run_cases(each)]
    wrong = [(name, result) for name, result in results if not result.ok]
    if as_json:
        emit_json(
            [
                {
                    "reconciliation": name,
                    "code": r.code,
                    "expected": r.expected,
                    "found": r.found,
                    "class": r.class_found,
                    "ok": r.ok,
                    "place": str(r.place),
                }
                for name, r in results
            ]
        )
    else:
        for _, result in wrong:
            emit(f"{result.place}: expected {result.wanted}, found {result.came}")
        emit(f"{len(results)} cases, {len(wrong)} wrong")
        next_command(f"recon rules explain {wrong[0][1].code}" if wrong else "recon run --date YYYY-MM-DD")
    ctx.exit(Exit.USAGE if wrong else Exit.OK)


@rules.command("explain")
@click.argument("code")
@_workspace_option
@json_option
def explain(code: str, workspace: Path | None, as_json: bool) -> None:
    """Show one rule: what it asks, why, what to do, its limits and its correction.

    \b
    Example:  recon rules explain dup_capture
    """
    reconciliations = _reconciliations(workspace)
    found = [(each, rule) for each in reconciliations for rule in _coded(each) if rule.code == code]
    if not found:
        from recon.engine.expressions import nearest

        codes = [rule.code for each in reconciliations for rule in _coded(each)]
        raise ReconError("unknown-code", f"no rule gives the code {code}", nearest(code, codes) or "recon rules list")
    told = [_told(each, rule) for each, rule in found]
    if as_json:
        emit_json(told)
        return
    for one in told:
        for key, value in one.items():
            if value not in ("", None, [], {}):
                emit(f"{key:<15} {_shown(value)}")
        emit()
    next_command(f"recon breaks list --code {code}")


def _coded(reconciliation: Reconciliation) -> list[BreakRule | Must]:
    return [*reconciliation.breaks, *reconciliation.musts]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return "\n                ".join(map(str, value)) if isinstance(value, list) else str(value)


def _told(reconciliation: Reconciliation, rule: BreakRule | Must) -> dict[str, Any]:
    from recon.domain.money import to_text
    from recon.domain.rulebook import BreakRule

    told: dict[str, Any] = {"reconciliation": reconciliation.name, "code": rule.code, "class": str(rule.class_)}
    if not isinstance(rule, BreakRule):
        return (
            told
            | {"place": str(rule.holds.place), "must hold": rule.holds.text}
            | {"why": rule.why, "next step": rule.next_step}
        )
    told |= {"place": str(rule.place), "when": rule.when.text, "why": rule.why, "next step": rule.next_step}
    told["proven"] = rule.proven.text if rule.proven else ""
    told["deadline"] = f"{rule.deadline_days} business days" if rule.deadline_days is not None else ""
    told["owner"] = rule.owner
    told["limit"] = {currency: to_text(minor, currency) for currency, minor in rule.limit.items()}
    told["fix"] = rule.fix or ""
    fix = reconciliation.fixes.get(rule.fix or "")
    if fix is not None:
        told["postings"] = [f"{p.account}  {p.amount.text}  {p.currency.text}" for p in fix.postings]
        told["sets"] = dict(fix.set)
        told["sends"] = {"channel": fix.channel, "key": f"{fix.side}.{fix.key}", **fix.body} if fix.channel else {}
    return (
        told
        | {"fires on": [_facts(case.facts) for case in rule.fires_on]}
        | {"silent on": [_facts(case.facts) for case in rule.silent_on]}
    )


def _facts(facts: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


@rules.command()
@workspace_option
@json_option
def trust(workspace: Path, as_json: bool) -> None:
    """How often people agreed with each rule's fixes: what to go by before a rule is given auto_approve.

    A fix counts once, by the last word that a person said of it.

    \b
    Example:  recon rules trust
    """
    from recon.config.workspace_file import load_workspace
    from recon.desk import trust as measure
    from recon.fixes.read import reading

    settings = load_workspace(workspace)
    with reading(settings.state_url.value, settings.root) as connection:
        found = measure(connection) if connection is not None else []
    if as_json:
        emit_json([{**asdict(each), "agreed_percent": each.agreed_percent} for each in found])
        return
    table(
        [
            (
                f"{each.reconciliation}/{each.code}",
                each.proposed,
                each.approved,
                each.rejected,
                "–" if each.agreed_percent is None else f"{each.agreed_percent} %",
                each.applied,
                each.automatic,
                "on" if each.auto_approve else "off",
                each.since,
            )
            for each in found
        ],
        ["rule", "proposed", "approved", "rejected", "agreed", "applied", "automatic", "auto_approve", "since"],
    )
    if not found:
        emit("no fix was proposed yet")
    next_command("recon fixes list --status proposed")


@rules.command("backtest")
@click.option("--from", "first", required=True, metavar="DATE", help="The first night.")
@click.option("--to", "last", required=True, metavar="DATE", help="The last night.")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the nights should have found; the workspace's truth.csv where it has one.",
)
@workspace_option
@json_option
@click.pass_context
def backtest(ctx: click.Context, first: str, last: str, truth: Path | None, workspace: Path, as_json: bool) -> None:
    """Run past nights again with the rules as they are now, in a copy, and tell what would have been different.

    With a truth, each code has its precision (of what it named, how much was right) and its recall (of what was there, how
    much it named); where people decided on fixes, how often they agreed. Nothing is published.

    \b
    Example:  recon rules backtest --from 2026-11-01 --to 2026-11-19

    \b
    Exit status:  0 nothing would have been different   1 something would
    """
    import tempfile

    from recon.backtest import backtest as run_again
    from recon.backtest import range_of
    from recon.cli.run import resolve_night
    from recon.config.workspace_file import load_workspace
    from recon.fixes.read import read_queue

    settings = load_workspace(workspace)
    nights = range_of(settings, resolve_night(settings, first), resolve_night(settings, last))
    own = settings.root / "truth.csv"
    statuses = {fix.fix_id: str(fix.status) for fix in read_queue(settings.state_url.value, settings.root)}
    with tempfile.TemporaryDirectory() as scratch, Progress("starting", quiet=as_json) as progress:
        found = run_again(
            settings, nights, Path(scratch) / "copy", truth or (own if own.exists() else None), statuses, progress.step
        )
    same = all(each.same for each in found.nights)
    if as_json:
        emit_json(_backtest_data(found))
    else:
        _say_backtest(found)
        next_command(f"recon diff {nights[-1]} --rerun" if not same else "recon rules test")
    ctx.exit(0 if same else 1)


def _backtest_data(found: Backtest) -> dict[str, Any]:
    from recon.cli.diff import as_data

    scores = [
        {
            "code": s.code,
            "wanted": s.wanted,
            "found": s.found,
            "right": s.right,
            "precision": s.precision,
            "recall": s.recall,
        }
        for s in found.scores
    ]
    decided = {code: {"agreed": agreed, "rejected": rejected} for code, (agreed, rejected) in found.decided.items()}
    return {"nights": [as_data(each) for each in found.nights], "scores": scores, "decided": decided}


def _say_backtest(found: Backtest) -> None:
    from recon.diff import KINDS, sentences

    rows = [(each.before, *(len(each.of(kind)) for kind in KINDS)) for each in found.nights]
    table(rows, ["night", *KINDS])
    for each in found.nights:
        for told in sentences(each):
            emit(f"  {each.before} {told}")
    if found.scores:
        emit()
        scores = [(s.code, s.wanted, s.found, s.right, _share(s.precision), _share(s.recall)) for s in found.scores]
        table(scores, ["code", "in truth", "found", "right", "precision", "recall"])
    if found.decided:
        emit()
        table([(code, *counts) for code, counts in found.decided.items()], ["code", "people agreed", "rejected"])


def _share(share: float | None) -> str:
    """Rounded down, so that 100.0 % means all."""
    return "-" if share is None else f"{int(share * 1000) / 10:.1f} %"
