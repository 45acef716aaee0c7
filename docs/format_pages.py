"""One page per shipped format, docs/formats/NAME.md, made from its YAML: what its leading comment says, and its tables.

A paragraph of the comment that begins with one of SECTIONS and a colon is a section of the page; the others open it.
"""

from __future__ import annotations

from pathlib import Path

from recon.config.format_file import OPTIONS, load_format
from recon.config.shipped import shipped_rules
from recon.domain.rulebook import FieldMap, Format

SECTIONS = ("Signs", "Identity", "Totals", "Oddities", "Evidence")


def format_pages() -> dict[str, str]:
    """Page name to text, for every shipped format."""
    return {f"formats/{path.stem}.md": page(path) for path in sorted((shipped_rules() / "formats").glob("*.yaml"))}


def page(path: Path) -> str:
    """The page of one format file."""
    fmt = load_format(path)
    opening, sections = told(path.read_text(encoding="utf-8"))
    parts = [
        f"# {fmt.title}\n",
        f"<!-- Made from rules/formats/{fmt.name}.yaml by docs/make_pages.py: change it there, then `make docs`. -->\n",
        *(paragraph + "\n" for paragraph in opening),
        facts(fmt),
        *(f"## {name}\n\n{text}\n" for name, text in sections.items()),
    ]
    if fmt.to_confirm:
        lines = "\n".join(f"- [ ] {each}" for each in fmt.to_confirm)
        parts.append(
            "## To be confirmed by its user\n\nUntil these are settled with a first real file, in a copy under `rules/formats/` of\n"
            f"the workspace, `recon check` stays red.\n\n{lines}\n"
        )
    parts += [proofs(fmt), fields(fmt), columns(fmt)]
    return "\n".join(part for part in parts if part)


def told(text: str) -> tuple[list[str], dict[str, str]]:
    """The leading comment: its opening paragraphs, and those that are sections."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    paragraphs: list[str] = [""]
    for line in lines:
        if not line or line.split(":")[0] in SECTIONS:
            paragraphs.append("")
        if line:
            paragraphs[-1] = f"{paragraphs[-1]}\n{line}".strip()
    opening, sections = [], {}
    for paragraph in (each for each in paragraphs if each):
        name, colon, rest = paragraph.partition(":")
        if colon and name in SECTIONS:
            rest = rest.strip()
            path = "/" in rest.split()[0]  # the name of a sample keeps its case
            sections[name] = rest if path else rest[:1].upper() + rest[1:]
        else:
            opening.append(paragraph)
    return opening, sections


def facts(fmt: Format) -> str:
    """What reads it, and with which options."""
    legal = OPTIONS.get(fmt.reader, {})
    given = [
        f"`{name}` {said(value)}" for name, value in fmt.options.items() if name in legal and value != legal[name][1]
    ]
    numbered = ", and the occurrence" if fmt.numbered else ""
    rows = [
        ("format", f"`{fmt.name}`"),
        ("record", f"[{fmt.record}](../records.md#{fmt.record})"),
        ("reader", f"`{fmt.reader}`" + (f": {'; '.join(given)}" if given else "")),
        ("zone of times without offset", f"`{fmt.zone}`"),
        ("rows are told apart by", ", ".join(f"`{each}`" for each in fmt.identity) + numbered),
    ]
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {cell(value)} |\n" for name, value in rows)


def said(value: object) -> str:
    """An option's value as people write it."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {said(each)}" for key, each in value.items())
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(str, value)) + "]"
    return (
        {"\t": "tab", "": "none", True: "true"}.get(value, f"`{value}`")
        if isinstance(value, str | bool)
        else str(value)
    )


def proofs(fmt: Format) -> str:
    """Controls, totals and refusals, as the file declares them."""
    lines = [
        f"- {each.name}: the sum of `{each.field}` per {', '.join(f'`{name}`' for name in each.by)} is {each.equals}"
        + (f", where a row has `{each.requires.text}`" if each.requires else "")
        for each in fmt.controls
    ]
    for total in fmt.totals:
        what = f"the number of rows is `{total.count}`"
        if not total.count:
            only = f" where `{total.where.text}`" if total.where else ""
            by = ", ".join(f"`{field}` = `{column.removeprefix('=')}`" for field, column in total.by)
            what = f"`{total.value}` is the sum of `{total.field}`{only}, for {by}"
        advisory = "; advisory: a difference is told and fails nothing" if total.advisory else ""
        lines.append(f"- {total.name}: in rows with `{total.when.text}`, {what}{advisory}")
    text = "## What is proved\n\n" + "\n".join(lines) + "\n" if lines else ""
    if fmt.refuse:
        refused = "\n".join(
            f"- `{each.when.text}`: {each.expected} is expected in `{each.column}`" for each in fmt.refuse
        )
        text += ("\n" if text else "") + f"## Rows that are refused\n\n{refused}\n"
    return text


def fields(fmt: Format) -> str:
    """How each field is read."""
    rows = "".join(f"| `{name}` | {cell(way_text(way))} |\n" for name, way in fmt.fields.items())
    return f"## How each field is read\n\n| field | from |\n|---|---|\n{rows}"


def way_text(way: FieldMap) -> str:
    """One way of reading a field, in words."""
    if way.choose:
        choices = [
            f"{'else' if when.text == 'true' else f'where `{when.text}`'}: {way_text(each)}"
            for when, each in way.choose
        ]
        return "<br>".join(choices) + (", required" if way.required else "")
    names = ", ".join(f"`{each}`" for each in way.first or way.total or way.join or way.derive)
    if way.const is not None:
        text = f"always `{way.const}`"
    elif way.credit or way.debit:
        text = " less ".join(f"`{each}`" for each in (way.credit, way.debit) if each)
        text = text if way.credit else f"0 less {text}"
    elif way.total:
        text = f"sum of {names}"
    elif way.derive:
        text = f"sum of the fields {names}" if len(way.derive) > 1 else f"the field {names}"
    elif way.join:
        text = f"{names}, joined by a space"
    else:
        text = names if len(way.first) < 2 else f"the first filled of {names}"
    notes = [
        "sign turned round" if way.sign == -1 else "",
        "whole minor units" if way.money == "minor" else "",
        f"layout `{way.layout}`" if way.layout else "",
        f"zone `{way.zone}`" if way.zone else "",
        f"in {way.case} case" if way.case else "",
        f"empty where {', '.join(f'`{each}`' for each in way.null_values)}" if way.null_values else "",
        "required" if way.required else "",
    ]
    text += "".join(f", {note}" for note in notes if note)
    if way.values:
        text += ": " + ", ".join(f"`{raw}` {meant}" for raw, meant in way.values.items())
        text += f"; others {way.unknown_value}" if way.unknown_value else ""
    return text


def columns(fmt: Format) -> str:
    """The columns of the file."""
    required, optional = (", ".join(f"`{each}`" for each in names) for names in (fmt.required, fmt.optional))
    text = f"## Columns\n\nRequired: {required}\n"
    return text + (f"\nOptional: {optional}\n" if optional else "")


def cell(text: str) -> str:
    """Text inside a table."""
    return text.replace("|", "\\|")
