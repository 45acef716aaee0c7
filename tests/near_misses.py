"""Near misses: cases that a rule file lacks, found by changing the facts of those that it has.

    python tests/near_misses.py rules/NAME.yaml ...      writes them into the files

For each change of a rule that no case notices (tests/mutants.py) facts are looked for on which the rule file and the changed one
part; they become a case of that rule as the file stands now. Read what it wrote: a case that looks wrong has found a wrong rule.
"""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import mutants

from recon.config.cases import evaluate, judge
from recon.config.rule_file import load_reconciliation
from recon.config.spaces import GROUP, rule_space
from recon.domain.records import KINDS, Type
from recon.domain.rulebook import Class, Reconciliation

TRIES = 4_000
AMOUNTS = (0, 1, -1, 2, 500, 999, 1000, 1001, -1000, 2000)


def near(rule_file: Reconciliation, facts: dict[str, Any], choose: random.Random) -> dict[str, Any]:
    """The facts with one to three of them changed, added or taken away."""
    space = rule_space({side.name: side.record for side in rule_file.sides})
    read = sorted({name for rule in rule_file.breaks for e in (rule.when, rule.proven) if e for name in e.names})
    words = sorted({word for rule in rule_file.breaks for word in re.findall(r"'([^']*)'", rule.when.text)})
    made = dict(facts)
    for _ in range(choose.randint(1, 3)):
        way = choose.randrange(5)
        if way == 0 and made:
            made.pop(choose.choice(sorted(made)))
        elif way == 1:
            side = choose.choice(rule_file.sides).name
            made = {name: value for name, value in made.items() if not name.startswith(f"{side}.")}
        elif way == 2 and "kind" in made:
            made["kind"] = choose.choice(KINDS[:4])
        else:
            name = choose.choice(sorted(made) if way == 3 and made else read or ["kind"])
            made[name] = _value(space.get(name, Type.BOOLEAN), name, words, choose)
    return {name: value for name, value in made.items() if value is not None}


def _value(type_: Type, name: str, words: list[str], choose: random.Random) -> Any:
    if name == "kind":
        return choose.choice(KINDS[:4])
    if type_ in (Type.MONEY, Type.INTEGER):
        return choose.choice(AMOUNTS if type_ is Type.MONEY else (0, 1, 2, 3, 9, 10))
    if type_ is Type.BOOLEAN:
        return choose.choice((True, False))
    if type_ is Type.INSTANT:
        return "2026-11-18 10:00:00"
    if type_ is Type.DATE:
        return "2026-11-18"
    return choose.choice(("KRW", "USD")) if type_ is Type.CURRENCY else choose.choice(words or ["x"])


def found(rule_file: Reconciliation, seed: int = 1) -> list[tuple[str, bool, dict[str, Any]]]:
    """(code, whether it fires, facts with the class) of cases that notice what no case of the file notices."""
    left = [each for each in mutants.survivors(rule_file)[0] if each.what != "class"]
    choose = random.Random(seed)
    seen = [dict(case.facts) for rule in rule_file.breaks for case in (*rule.fires_on, *rule.silent_on)]
    tried = [facts for _ in range(TRIES) if (facts := near(rule_file, choose.choice(seen), choose))]
    changed = [each for each in left if each.to]
    whens = [rule.when for rule in rule_file.breaks]
    asked = [*whens, *(mutants.checked(rule_file, each.to) for each in changed)]
    rows = evaluate(rule_file, tried, asked)
    judged = judge(rule_file, tried)
    cases: list[tuple[str, bool, dict[str, Any]]] = []
    chosen: list[int] = []
    for mutant in left:
        code = rule_file.breaks[mutant.at].code

        def parts(n: int, mutant: mutants.Mutant = mutant) -> bool:
            rule, class_ = judged[n]
            own = rule is rule_file.breaks[mutant.at]
            to = rows[n][len(whens) + changed.index(mutant)] if mutant.to else True
            if mutant.what == "proven":
                return own and (class_ is Class.AUTO_FIX) != bool(to)
            after = [*rows[n][: len(whens)]]
            after[mutant.at] = to
            first = next((at for at, holds in enumerate(after) if holds), None)
            return own != (first == mutant.at)

        if any(parts(n) for n in chosen):
            continue
        fits = [n for n in range(len(tried)) if parts(n)]
        if fits:
            best = min(fits, key=lambda n: (len(tried[n]), str(tried[n])))
            rule, class_ = judged[best]
            fires = rule is rule_file.breaks[mutant.at]
            cases.append((code, fires, {"class": str(class_), **tried[best]} if fires else tried[best]))
            chosen.append(best)
    return cases


def shown(facts: dict[str, Any]) -> str:
    """Facts as a line of YAML."""
    return "{" + ", ".join(f"{name}: {_text(facts[name])}" for name in sorted(facts, key=_order)) + "}"


def _order(name: str) -> tuple[int, str]:
    return (0 if name == "class" else 1 if name in GROUP else 2, name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) and re.search(r"[^\w]", value) else str(value)


def write(path: Path) -> int:
    """Name the class of each rule in its first case, and add the near misses. Gives how many cases were added."""
    lines = path.read_text(encoding="utf-8").split("\n")
    rule_file = load_reconciliation(path)
    for rule in rule_file.breaks:
        if rule.fires_on and not any(case.class_ for case in rule.fires_on):
            [(_, class_)] = judge(rule_file, [rule.fires_on[0].facts])
            at = _block(lines, rule.code, "fires_on")
            lines[at] = lines[at].replace("- {", f"- {{class: {class_}, ", 1)
    cases = found(rule_file)
    for code, fires, facts in cases:
        at = _block(lines, code, "fires_on" if fires else "silent_on")
        while at < len(lines) and lines[at].startswith("      - {"):
            at += 1
        lines.insert(at, f"      - {shown(facts)}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return len(cases)


def _block(lines: list[str], code: str, key: str) -> int:
    """The line after `key:` of the rule; where the rule has none, one is made behind its last case."""
    start = lines.index(f"  - code: {code}")
    end = next((n for n in range(start + 1, len(lines)) if re.match(r"  - code: |\S", lines[n])), len(lines))
    for n in range(start, end):
        if lines[n] == f"    {key}:":
            return n + 1
    last = max((n for n in range(start, end) if lines[n].startswith("      - {")), default=end - 1)
    lines.insert(last + 1, f"    {key}:")
    return last + 2


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {write(Path(name))} cases added")
