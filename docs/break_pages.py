"""docs/breaks.md, and the last section of each page of docs/reconciliations.

docs/breaks.md: what each row of the taxonomy (docs/breaks.yaml) is called in which rule file, and every code that ships."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from recon.config.rule_file import load_reconciliation
from recon.domain.rulebook import Class

DOCS = Path(__file__).resolve().parent
RULES = DOCS.parent / "rules"
NOT_YET = "no rule file of this version gives it"


def taxonomy() -> list[dict[str, Any]]:
    """The rows of docs/breaks.yaml."""
    rows: list[dict[str, Any]] = yaml.safe_load((DOCS / "breaks.yaml").read_text(encoding="utf-8"))
    return rows


def shipped() -> dict[str, list[tuple[str, Class, str]]]:
    """Code -> (rule file, class, why) of every rule and must that ships."""
    found: dict[str, list[tuple[str, Class, str]]] = defaultdict(list)
    for path in sorted(RULES.glob("*.yaml")):
        rule_file = load_reconciliation(path)
        for each in (*rule_file.breaks, *rule_file.musts):
            found[each.code].append((path.stem, each.class_, each.why))
    return found


def breaks_page() -> str:
    """docs/breaks.md."""
    codes = shipped()
    lines = [
        "# Breaks\n",
        "<!-- Made from docs/breaks.yaml and rules/*.yaml by docs/make_pages.py: change them, then `make docs`. -->\n",
        (
            "What can be wrong, and what it is called. A code keeps its meaning for ever; `recon rules explain CODE` shows its\n"
            "rule, its reason, its correction and its cases. What no rule names is `unexplained`, investigate.\n"
        ),
        "## The taxonomy\n",
        "| # | what is wrong | code | rule file | where not, why |",
        "|---|---|---|---|---|",
    ]
    for row in taxonomy():
        names = row.get("codes", [])
        there = [code for code in names if code in codes]
        files = sorted({file for code in there for file, _, _ in codes[code]})
        told = ", ".join(f"`{code}`" for code in there) or f"({row['name']})"
        why = row.get("why", "") if there or not names else row.get("why", NOT_YET)
        lacking = [code for code in names if code not in codes]
        if there and lacking:
            why = "; ".join(filter(None, [why, f"{', '.join(lacking)}: {NOT_YET}"]))
        lines.append(f"| {row['row']} | {row['what']} | {told} | {', '.join(_file(f) for f in files)} | {why} |")
    lines += [
        "",
        "## Every code that ships\n",
        "`scale_suspected` and `unclaimed` are about a source rather than a payment; they are no rows of the taxonomy.\n",
        "| code | rule file | class | what it means |",
        "|---|---|---|---|",
    ]
    for code in sorted(codes):
        for file, class_, why in codes[code]:
            lines.append(f"| `{code}` | {_file(file)} | {class_} | {why.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


MARK = "## What each break means\n"


def reconciliation_pages() -> dict[str, str]:
    """Each page of docs/reconciliations with its last section made anew from the rule file of its name."""
    pages = {}
    for path in sorted((DOCS / "reconciliations").glob("*.md")):
        rules = RULES / f"{path.stem}.yaml"
        if rules.exists():
            head = path.read_text(encoding="utf-8").partition(MARK)[0].rstrip("\n")
            pages[f"reconciliations/{path.name}"] = f"{head}\n\n{MARK}\n{_meanings(rules)}"
    return pages


def _meanings(rules: Path) -> str:
    rule_file = load_reconciliation(rules)
    lines = [
        "<!-- Made from the rule file by docs/make_pages.py: change it there, then `make docs`. -->\n",
        "Tried in this order; the first that holds names the break.\n",
        "| code | class | what it means | what to do |",
        "|---|---|---|---|",
    ]
    for each in (*rule_file.breaks, *rule_file.musts):
        texts = (each.why.replace("|", "/"), each.next_step.replace("|", "/"))
        lines.append(f"| `{each.code}` | {each.class_} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n"


def _file(name: str) -> str:
    page = DOCS / "reconciliations" / f"{name}.md"
    return f"[{name}](reconciliations/{name}.md)" if page.exists() else f"`{name}`"
