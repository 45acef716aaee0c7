"""`recon fixture`: a real file made into one that may be shown, committed and sent to others."""

from __future__ import annotations

from pathlib import Path

import click

from recon.cli.output import emit, emit_json, json_option, next_command, table
from recon.errors import Exit, ReconError

_SIZE_MAX = 64 * 2**20


@click.group()
def fixture() -> None:
    """Make fixtures from real files.

    \b
    Example:  recon fixture add in/acme.csv --format acme_settlement --rows 200 --out tests/fixtures/acme
    """


@fixture.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-f", "--format", "format_name", required=True, metavar="NAME", help="A format's name, or its file's path."
)
@click.option("-n", "--rows", default=0, type=click.IntRange(0), help="Rows that stay at most; by default all.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the fixture.")
@click.option("--as", "target_name", default="", metavar="FILE", help="Its name; by default the format's.")
@click.option("--scramble-amounts", is_flag=True, help="Multiply amounts, too; rows and totals still add up.")
@click.option(
    "--key", default="", metavar="TEXT", envvar="RECON_FIXTURE_KEY",
    help="The same text gives the same replacements in another file; keep it secret. By default a new one each time.",
)  # fmt: skip
@json_option
@click.pass_context
def add(
    ctx: click.Context,
    file: Path,
    format_name: str,
    rows: int,
    out: Path,
    target_name: str,
    scramble_amounts: bool,
    key: str,
    as_json: bool,
) -> None:
    """Anonymise FILE into a fixture of the same shape, encoding and line ends.

    Ids, names, card numbers and free text become others of the same length and kinds of letters, equal ones equal again.
    What the format reads amounts, dates, currencies and row types from stays, as far as it is that; columns that the format
    does not read are replaced whole. Stated totals follow the rows that are left. Look at the fixture before you show it.

    \b
    Example:  recon fixture add in/acme.csv --format acme_settlement --rows 200 --out tests/fixtures/acme

    \b
    Exit status:  0 made, and it reads as the file did   2 it can't be made   3 made, but a total no longer holds
    """
    import secrets
    import tempfile

    from recon.cli.preview import find_format
    from recon.fixture.make import make_fixture
    from recon.sniff.container import open_file
    from recon.sniff.evidence import NotATableError

    fmt = find_format(format_name)
    with tempfile.TemporaryDirectory(prefix="recon-fixture-") as scratch:
        try:
            opened = open_file(file, Path(scratch), _SIZE_MAX)
        except NotATableError as error:
            raise ReconError("no-fixture", f"{file.name}: {error.what}", error.remedy) from error
        if not opened.whole:
            raise ReconError("no-fixture", f"{file.name} holds more than {_SIZE_MAX:,} bytes", "cut it down first")
        suffix = Path(opened.name).suffix or ".csv"
        target = out / (target_name or f"{fmt.name}{suffix}")
        if target.exists() or target.is_symlink() or target.parent != out:
            raise ReconError(
                "fixture-exists", f"{target} is there already, or is no plain file name", "choose another --as"
            )
        secret = key.encode() or secrets.token_bytes(32)
        made = make_fixture(opened.path, fmt, rows=rows, scramble=scramble_amounts, key=secret)
    out.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as written:
        written.write(made.data)
    lost = [
        name for (name, state), (_, now) in zip(made.before[2], made.after[2], strict=True) if state == "proved" != now
    ]
    columns = [
        {"column": name, "replaced": done.replaced, "distinct": len(done.distinct), "kept": done.kept,
         "scrambled": done.scrambled, "kept_as": done.why if done.kept else ""}
        for name, done in made.done.items()
    ]  # fmt: skip
    if as_json:
        emit_json({
            "fixture": str(target), "rows_before": made.before[0], "rows": made.after[0], "refused": made.after[1],
            "columns": columns, "controls": [{"name": name, "state": state} for name, state in made.after[2]],
            "lost": lost, "set_aside": made.after[3] or None,
        })  # fmt: skip
    else:
        emit(f"wrote {target}: {made.after[0]:,} of {made.before[0]:,} rows, {made.after[1]:,} refused")
        table(
            ((c["column"], c["replaced"], c["distinct"], c["kept"], c["scrambled"], c["kept_as"]) for c in columns),
            ("column", "replaced", "distinct", "kept", "scrambled", "kept as"),
        )
        for name, state in made.after[2]:
            emit(f"control total {name}: {state}")
        for name in lost:
            emit(f"  {name} held in the file and does not in the fixture: keep more rows")
        next_command(f"look at {target}, then: recon preview {target} --format {format_name}")
    ctx.exit(Exit.INCOMPLETE if lost else Exit.OK)
