"""Write the pages that are made: docs/records.md, docs/errors.md, docs/breaks.md, and docs/formats/NAME.md for each shipped format.

With --check, write nothing and exit 1 where one is out of date, or where a page's format is gone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from recon.domain.records import COMMON, KINDS, RECORD_TYPES, Field, RecordType
from recon.errors import Exit

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

# Beside this file, wherever it is run from.
from break_pages import breaks_page, reconciliation_pages  # noqa: E402
from format_pages import format_pages  # noqa: E402

TYPES = """\
| type | what it holds |
|---|---|
| `key` | text that identifies something; compared exactly, never as a number |
| `text` | text for people |
| `money` | signed whole number of minor units (int64); the field beside it holds the currency |
| `currency` | ISO 4217 code |
| `date` | calendar day |
| `instant` | moment in UTC |
| `rate` | decimal text, kept as the source writes it |
| `integer` | whole number |
| `boolean` | true or false |
"""


def rows(fields: tuple[Field, ...]) -> str:
    """A Markdown table of fields."""
    lines = ["| field | type | filled | meaning |", "|---|---|---|---|"]
    for field in fields:
        unit = f", minor units of `{field.of}`" if field.of else ""
        filled = "always" if field.required else "where known"
        lines.append(f"| `{field.name}` | {field.type}{unit} | {filled} | {field.doc} |")
    return "\n".join(lines) + "\n"


def vocabulary(record: RecordType) -> str:
    """The section of one record type."""
    day = f"; where that is empty, `{record.day}`" if record.day else ""
    dated = f"Its business date is that of `{record.instant}`{day}."
    worked_out = (
        "\nDerived: no source gives them and nothing keeps them. Rules read them, and each night works out those that one reads "
        f"([terms.md](terms.md)).\n\n{rows(record.derived)}"
        if record.derived
        else ""
    )
    return f"## {record.name}\n\n{record.doc}\n{dated}\n\n{rows(record.fields)}{worked_out}"


def records_page() -> str:
    """docs/records.md."""
    parts = [
        "# Records\n",
        "<!-- Made from recon/domain/records.py by docs/make_pages.py: change it there, then `make docs`. -->\n",
        (
            "What every source is read into: rows with named, typed fields. Rules name these fields, formats fill them.\n"
            "Money to us is positive. An empty text is no value.\n"
        ),
        "## Types\n\n" + TYPES,
        "## In every record\n\nFilled by ingest; with these a row is found again in its file.\n\n" + rows(COMMON),
        "## Kinds\n\n`kind` is one of " + ", ".join(f"`{kind}`" for kind in KINDS) + ".\n`unknown` is a row type that "
        "the format's mapping does not know: it is kept and becomes a break, never dropped.\n"
        "Of a bank line it is one of " + ", ".join(f"`{kind}`" for kind in RECORD_TYPES["bank_line"].kinds) + ".\n",
        *(vocabulary(record) for record in RECORD_TYPES.values()),
    ]
    return "\n".join(parts)


def errors_page() -> str:
    """docs/errors.md."""
    listed = yaml.safe_load((DOCS / "errors.yaml").read_text(encoding="utf-8"))
    parts = [
        "# Errors\n",
        "<!-- Made from docs/errors.yaml by docs/make_pages.py: change it there, then `make docs`. -->\n",
        (
            "Every error has a name that stays the same for ever, an exit code that means one thing ([exit-codes.md](exit-codes.md)) and\n"
            "a remedy. A break is not an error: it is the result. An input that is missing, late or set aside is none either: the night\n"
            "says so, is `incomplete`, and ends in 3.\n"
        ),
    ]
    for code in dict.fromkeys(Exit[entry["exit"]] for entry in listed.values()):
        names = [name for name, entry in listed.items() if entry["exit"] == code.name]
        parts.append(
            f"## Exit {code.value}, {code.name}\n\n" + ", ".join(f"[{name}](#{name})" for name in names) + "\n"
        )
        parts += [error(name, listed[name]) for name in names]
    return "\n".join(parts)


def error(name: str, entry: dict[str, str]) -> str:
    """The section of one error."""
    return f"### {name}\n\n{entry['means']}\n\n```\n{entry['example']}```\n\n{entry['remedy']}\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check every page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    stale = 0
    pages = {
        "records.md": records_page(),
        "errors.md": errors_page(),
        "breaks.md": breaks_page(),
        **reconciliation_pages(),
        **format_pages(),
    }
    for path in sorted((DOCS / "formats").glob("*.md")):
        if f"formats/{path.name}" not in pages:
            stale += 1
            print(f"docs/formats/{path.name} has no format: delete it", file=sys.stderr)
    for name, text in pages.items():
        path = DOCS / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            stale += 1
            print(f"docs/{name} is out of date: run `make docs`", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/{name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
