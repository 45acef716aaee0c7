"""Handed in: decisions that come back as a file: decisions.json from the page or `recon fixes export`, or a filled-in workbook.

Each line is taken or refused by itself: refused where the newest night no longer shows what the person saw, or the queue
says no. The file as a whole is refused where it is of another workspace, or no such file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from recon.config.decisions_schema import DECISIONS_FILE
from recon.desk import Line, Night, write_word
from recon.domain.casework import DECISIONS, NEEDS_REASON, REASONS
from recon.errors import ReconError
from recon.fixes import queue
from recon.fixes.queue import Connection, QueuedFix
from recon.fixes.read import deciding
from recon.report.workbook_decisions import read_decisions, seen_sha256
from recon.store.audit import refuse_unsigned
from recon.store.history import summary_of
from recon.workspace import Workspace

_SIZE_MAX = 64 * 2**20  # bytes of a decisions.json


@dataclass(frozen=True, slots=True)
class Given:
    """One line that a person filled in. `place`: where it stands in the file, for messages."""

    place: str
    break_id: str
    fix_id: str
    decision: str
    reason: str
    assign_to: str
    remark: str
    seen: str


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file of decisions. `refused`: lines that can't be taken whatever the night says."""

    name: str
    workspace: str
    night: date
    config_sha256: str
    given: tuple[Given, ...]
    refused: tuple[Line, ...] = ()


def read_file(path: Path) -> HandedIn:
    """A decisions.json or an .xlsx. Raises ReconError `no-decisions` where it is neither."""
    if path.suffix.lower() == ".xlsx":
        book = read_decisions(path)
        given = tuple(
            Given(
                f"{each.sheet} row {each.row}",
                each.break_id,
                each.fix_id,
                each.decision,
                each.reason,
                each.assign_to,
                each.remark,
                each.seen,
            )
            for each in book.decisions
        )
        refused = tuple(
            Line(each.break_id or f"{each.sheet} row {each.row}", False, each.message, "no-decision")
            for each in book.problems
        )
        return HandedIn(path.name, book.workspace, book.night, book.config_sha256, given, refused)
    return _read_json(path)


def _read_json(path: Path) -> HandedIn:
    try:
        if path.stat().st_size > _SIZE_MAX:
            raise _not_ours(path, f"it has more than {_SIZE_MAX:,} bytes")
        data = json.loads(path.read_text("utf-8"), object_pairs_hook=_no_doubles)
    except (OSError, ValueError, RecursionError) as error:
        raise _not_ours(path, str(error)) from error
    wrong = _misfit(data, DECISIONS_FILE, leave=("decisions",))
    if wrong:
        raise _not_ours(path, wrong)
    try:
        night = date.fromisoformat(data["night"])
    except ValueError as error:
        raise _not_ours(path, f"night: {error}") from error
    if not isinstance(data["decisions"], list):
        raise _not_ours(path, "decisions: a list is expected")
    given: dict[str, Given] = {}
    refused = []
    for number, line in enumerate(data["decisions"], 1):
        place = f"line {number}"
        subject = str(line.get("break_id", place)) if isinstance(line, dict) else place
        wrong = _misfit(line, DECISIONS_FILE["properties"]["decisions"]["items"])
        wrong = wrong or _incomplete(line) or ("it is decided twice in this file" if subject in given else "")
        if wrong:
            refused.append(Line(subject, False, f"{place}: {wrong}", "no-decision"))
        elif line["decision"]:
            given[subject] = Given(place, **line)
    return HandedIn(path.name, data["workspace"], night, data["config_sha256"], tuple(given.values()), tuple(refused))


def _no_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _misfit(value: Any, schema: Mapping[str, Any], leave: Sequence[str] = ()) -> str:
    """What of an object of texts is not as the schema wants it; empty where all is."""
    if not isinstance(value, dict):
        return "an object is expected"
    wanted = schema["properties"]
    for name in (*schema["required"], *value):
        if name not in value:
            return f"{name} is missing"
        if name not in wanted:
            return f"{name!r} is unknown"
        if name in leave:
            continue
        rule, found = wanted[name], value[name]
        if "const" in rule:
            if found != rule["const"] or isinstance(found, bool):
                return f"{name}: {rule['const']} is expected"
        elif not isinstance(found, str):
            return f"{name}: a text is expected"
        elif "enum" in rule and found not in rule["enum"]:
            return f"{name}: {found[:40]!r} is none of {', '.join(filter(None, rule['enum']))}"
        elif "pattern" in rule and not re.fullmatch(rule["pattern"].strip("^$"), found):
            return f"{name}: {found[:40]!r} is not as expected"
        elif len(found) > rule.get("maxLength", len(found)):
            return f"{name}: more than {rule['maxLength']} characters"
    return ""


def _incomplete(line: Mapping[str, str]) -> str:
    """What the decision needs and the line lacks."""
    decision = line["decision"]
    if decision in NEEDS_REASON and not line["reason"]:
        return f"{decision} needs a reason: one of {', '.join(REASONS)}"
    if decision in ("approve", "reject") and not line["fix_id"]:
        return f"there is no proposed fix to {decision}"
    if decision == "assign" and not line["assign_to"].strip():
        return "assign needs a name"
    if line["reason"] == "other" and not line["remark"].strip():
        return "the reason other needs a remark"
    return ""


def _not_ours(path: Path, why: str) -> ReconError:
    return ReconError(
        "no-decisions",
        f"{path.name} is no file of decisions: {why}",
        "give a decisions.json from a report or from recon fixes export, or a report.xlsx saved as .xlsx",
    )


def shown_now(night: Night) -> dict[str, tuple[set[str], str]]:
    """break id -> (what page and workbook of the newest night show of it, its fix's id).

    Where related breaks share one fix, the page shows it with its own break only, and the workbook with each.
    """
    import pyarrow.parquet as pq

    lines = (night.folder / "fixes.jsonl").read_text("utf-8").splitlines()
    fixes = {fix["fix_id"]: (fix["content_sha256"], fix["break_id"]) for fix in map(json.loads, lines)}
    names = ["break_id", "code", "class", "currency", "difference", "fix_id"]
    found = {}
    for row in pq.read_table(night.folder / "breaks.parquet", columns=names).to_pylist():
        fix_id = row["fix_id"] or ""
        told = (row["break_id"], row["code"], row["class"], row["currency"], row["difference"], fix_id)
        content, own = fixes.get(fix_id, ("", ""))
        seen = {seen_sha256(*told, content), seen_sha256(*told, content if own == row["break_id"] else "")}
        found[row["break_id"]] = (seen, fix_id)
    return found


def wanted_fixes(handed: HandedIn, fixes: Sequence[QueuedFix], decision: str = "approve") -> list[QueuedFix]:
    """The fixes that the file decides on, for the preview."""
    ids = {each.fix_id for each in handed.given if each.decision == decision}
    return [each for each in fixes if each.fix_id in ids]


def take(workspace: Workspace, night: Night, handed: HandedIn, who: str, why: str) -> list[Line]:
    """Carry out what a file says, line by line, in one transaction; what was refused says why.

    Raises ReconError `other-workspace`; `unsigned` without a name.
    """
    if handed.workspace != workspace.name:
        raise ReconError(
            "other-workspace",
            f"{handed.name} was made in the workspace {handed.workspace}, and this is {workspace.name}",
            "import it there",
        )
    refuse_unsigned(who)  # a reason may stand in each line
    now, config = shown_now(night), str(summary_of(night.folder)["config_sha256"])
    lines = list(handed.refused)
    with deciding(workspace.state_url.value, workspace.root) as connection:
        for each in handed.given:
            try:
                _moved_on(each, now, config == handed.config_sha256, night, handed)
                _carry_out(connection, workspace, night, each, who, _why(each, handed, why))
            except ReconError as refused:
                lines.append(Line(each.break_id, False, f"{each.place}: {refused.message}", refused.name))
            else:
                lines.append(Line(each.break_id, True, f"{each.place}: {DECISIONS[each.decision]}"))
    return lines


def _moved_on(
    each: Given, now: Mapping[str, tuple[set[str], str]], same_rules: bool, night: Night, handed: HandedIn
) -> None:
    """Raises ReconError `moved-on` where the newest night does not show what the person saw."""
    seen, fix_id = now.get(each.break_id, (set(), ""))
    why = ""
    if not seen:
        why = f"the night of {night.date} no longer knows the break"
    elif fix_id != each.fix_id and each.decision in ("approve", "reject"):
        why = f"its fix is {fix_id or 'gone'}, and was {each.fix_id or 'none'}"
    elif each.seen not in seen:
        why = f"it changed since the report of {handed.night} was made"
    elif each.decision == "approve" and not same_rules:
        why = f"rules or settings changed since the report of {handed.night} was made"
    if why:
        raise ReconError("moved-on", why, "look at the newest report, and decide again")


def _why(each: Given, handed: HandedIn, why: str) -> str:
    told = [REASONS[each.reason] if each.reason else "", each.remark, why]
    return "; ".join(filter(None, told)) or f"decided in {handed.name}"


def _carry_out(connection: Connection, workspace: Workspace, night: Night, each: Given, who: str, why: str) -> None:
    if each.decision in ("approve", "reject"):
        fix = queue.get(connection, each.fix_id)
        if fix.break_id != each.break_id:
            raise ReconError("moved-on", f"{each.fix_id} is not a fix of {each.break_id}", "decide again")
        if each.decision == "approve":
            queue.approve(connection, each.fix_id, who, why, workspace.policy)
        else:
            queue.reject(connection, each.fix_id, who, why, each.reason)
        return
    from recon.classify import seen

    found = night.find(each.break_id)
    if each.decision == "assign":
        write_word(connection, night.date, each.break_id, "assign", who, why, {"owner": each.assign_to.strip()})
    elif not found.is_open:
        raise ReconError("not-open-break", f"{each.break_id} is closed: {found.reason}", "nothing is left to resolve")
    else:
        details = {"code": each.reason, "seen": seen(found)}
        write_word(connection, night.date, each.break_id, "resolve", who, why, details)


def template(workspace: Workspace, night: Night, fixes: Sequence[QueuedFix]) -> dict[str, Any]:
    """A decisions.json with an undecided line for each of these fixes that the newest night shows."""
    now = shown_now(night)
    shown = [each for each in fixes if now.get(each.break_id, (set(), ""))[1] == each.fix_id]
    blank = {"decision": "", "reason": "", "assign_to": "", "remark": ""}
    return {
        "schema_version": 1,
        "workspace": workspace.name,
        "night": str(night.date),
        "config_sha256": str(summary_of(night.folder)["config_sha256"]),
        "decisions": [
            {"break_id": each.break_id, "fix_id": each.fix_id, **blank, "seen": min(now[each.break_id][0])}
            for each in shown
        ],
    }


__all__ = ["Given", "HandedIn", "read_file", "shown_now", "take", "template", "wanted_fixes"]
