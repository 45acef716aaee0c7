"""`recon preview`: what a format makes of a file, before any night depends on it."""

from __future__ import annotations

from contextlib import suppress
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import clean, emit, emit_json, find_workspace, json_option, table
from recon.errors import Exit, ReconError

if TYPE_CHECKING:
    from recon.domain.rulebook import Format
    from recon.engine.duck import Engine
    from recon.ingest.loaded import LoadedFile
    from recon.workspace import Secret

_REFUSALS_SHOWN = 20
_RAW_SHOWN = 240


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-f", "--format", "format_name", required=True, metavar="NAME", help="A format's name, or the path of its file."
)
@click.option("-n", "--rows", default=5, show_default=True, type=click.IntRange(0, 1000), help="Rows to show.")
@click.option("--psp", default="", metavar="NAME", help="Provider, where the file does not say it.")
@click.option("--time-zone", default="UTC", show_default=True, metavar="ZONE", help="Zone of the business dates.")
@click.option(
    "--unpack",
    "steps",
    multiple=True,
    type=click.Choice(["pgp", "gzip", "zip", "bz2", "zstd"]),
    help="What comes off a packed file first, as in a source's `unpack`; may be repeated.",
)
@click.option(
    "--pgp-key", default="", metavar="SECRET", help="With --unpack pgp: our private key, as env:NAME or file:PATH."
)
@click.option("--pgp-passphrase", default="", metavar="SECRET", help="Its passphrase, as env:NAME or file:PATH.")
@json_option
@click.pass_context
def preview(
    ctx: click.Context,
    file: Path,
    format_name: str,
    rows: int,
    psp: str,
    time_zone: str,
    steps: tuple[str, ...],
    pgp_key: str,
    pgp_passphrase: str,
    as_json: bool,
) -> None:
    """Show FILE's rows raw beside read, totals per kind and currency, control totals and every refusal.

    Works with and without a workspace, and writes nothing. A file that a night would set aside is shown all the same,
    with the reason.

    \b
    Example:  recon preview in/stripe_2026-11-19.csv --format stripe_balance_change

    \b
    Exit status:  0 a night would take the file   2 no such format or zone   3 a night would set it aside
    """
    import hashlib
    import tempfile

    from recon.engine.duck import Engine

    fmt = find_format(format_name)
    with tempfile.TemporaryDirectory(prefix="recon-preview-") as scratch:
        engine = Engine(Path(scratch) / "spill")
        try:
            with file.open("rb") as opened:
                sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            plain = _unpacked(file, steps, Path(scratch), pgp_key, pgp_passphrase)
            loaded = _load(engine, fmt, plain, file.name, sha256, Path(scratch), psp, time_zone)
            result = _result(engine, fmt, plain, loaded, rows)
        finally:
            engine.close()
    if as_json:
        emit_json(result)
    else:
        _show(result)
    ctx.exit(Exit.INCOMPLETE if result["set_aside"] else Exit.OK)


def find_format(name: str) -> Format:
    """The format of a path, of the workspace one stands in, or one that ships with recon; lines may await confirmation."""
    from recon.config.format_file import load_format
    from recon.config.shipped import shipped_rules

    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise ReconError(
                "no-such-format", f"there is no file {name}", "give a format's name, or the path of its file"
            )
        return load_format(Path(name), draft=True)
    folders = [shipped_rules() / "formats"]
    with suppress(ReconError):  # a preview needs no workspace
        folders.insert(0, find_workspace() / "rules" / "formats")
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return load_format(folder / f"{name}.yaml", draft=True)
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    raise ReconError(
        "no-such-format", f"there is no format {name}", f"one of: {', '.join(known)}; or the path of a format file"
    )


def _unpacked(file: Path, steps: tuple[str, ...], scratch: Path, key: str, passphrase: str) -> Path:
    """The file without its packing, within the limits that a workspace has by default."""
    if not steps:
        return file
    from recon.fetch.unpack import UnpackError, unpack
    from recon.workspace import PgpKey, UnpackLimits

    ours = None
    if "pgp" in steps:
        if not key:
            raise ReconError("pgp-key", "pgp needs our private key", "--pgp-key file:PATH, or env:NAME")
        ours = PgpKey(_secret(key, "--pgp-key"), _secret(passphrase, "--pgp-passphrase") if passphrase else None)
    try:
        return unpack(file, steps, scratch / "unpacked", UnpackLimits(), ours).path
    except UnpackError as error:
        raise ReconError("unpack", f"{file.name}: {error.reason}", error.remedy, Exit.INCOMPLETE) from error


def _secret(reference: str, option: str) -> Secret:
    """A key or a passphrase from where an option says it is. Raises ReconError, which never holds what was given."""
    from recon.config.secrets import read_secret
    from recon.config.yaml_file import Document, Node
    from recon.errors import Place

    document = Document(option, "", Node(Place(option)))
    found = read_secret(document, reference, Path(), f"what {option} names")
    for problem in document.problems:
        raise ReconError("pgp-key", f"{option}: {problem.message}", problem.remedy)
    return found


def _load(
    engine: Engine, fmt: Format, file: Path, name: str, sha256: str, scratch: Path, psp: str, time_zone: str
) -> LoadedFile:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from recon.domain.records import RECORD_TYPES
    from recon.domain.rulebook import Moves, Source
    from recon.ingest.files import Limits, read_file

    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ReconError("no-such-zone", f"there is no time zone {time_zone}", "an IANA name, as Asia/Seoul") from None
    # A format may leave the provider or the account to the source, and a preview has none.
    lacking = {f.name for f in RECORD_TYPES[fmt.record].fields if f.required} - set(fmt.fields)
    psp = psp or (fmt.name if "psp" in lacking else "")
    account = fmt.name if "account" in lacking else ""
    source = Source("preview", fmt.record, Moves.EVENTS, format=fmt.name, psp=psp, account=account)
    return read_file(engine, source, fmt, file, name, sha256, scratch / "out", zone, time(0), Limits(1, 10), keep=True)


def _result(engine: Engine, fmt: Format, file: Path, loaded: LoadedFile, rows: int) -> dict[str, Any]:
    """Everything that is shown, as plain values."""
    from recon.domain.money import to_text

    refusals = engine.rows(
        "SELECT line, column_name, found, expected, raw "
        f"FROM ({loaded.quarantine}) ORDER BY line LIMIT {_REFUSALS_SHOWN}"
    )
    aside = loaded.set_aside
    return {
        "file": loaded.name,
        "sha256": loaded.sha256,
        "format": fmt.name,
        "rows": loaded.rows,
        "read": loaded.read,
        "quarantined": loaded.quarantined,
        "records": _records(engine, fmt, file, loaded, rows) if loaded.relation else [],
        "totals": [
            {"kind": kind, "currency": currency, "rows": count, "amount": to_text(minor, currency)}
            for kind, currency, count, minor in loaded.totals
        ],
        "controls": [{"name": name, "state": state, "detail": detail} for name, state, detail in loaded.controls],
        "refusals": [dict(zip(("line", "column", "found", "expected", "raw"), row, strict=True)) for row in refusals],
        "warnings": [*loaded.warnings, *(f"to be confirmed by you: {each}" for each in fmt.to_confirm)],
        "set_aside": {"reason": aside.reason, "remedy": aside.remedy, "detail": list(aside.detail)} if aside else None,
    }


def _records(engine: Engine, fmt: Format, file: Path, loaded: LoadedFile, rows: int) -> list[dict[str, Any]]:
    """The first rows: line, the text as it stands, and the fields as read; empty fields left out."""
    from recon.domain.money import to_text
    from recon.domain.records import RECORD_TYPES, Type
    from recon.ingest.cards import mask
    from recon.ingest.raw import raw_records

    record = RECORD_TYPES[fmt.record]
    names = ["record_id", "business_date", *record.names]
    found = engine.rows(f"SELECT line, {', '.join(names)} FROM ({loaded.relation}) ORDER BY line LIMIT {rows}")
    lines = {row[0] for row in found}
    raws: dict[int, str] = {}
    for line, raw in raw_records(fmt, file) if lines else ():
        if line in lines:
            raws[line] = mask(raw)
        if len(raws) == len(lines):
            break
    made = []
    for line, *values in found:
        read = dict(zip(names, values, strict=True))
        for field in record.fields:
            if field.type is Type.MONEY and read[field.name] is not None:
                read[field.name] = to_text(read[field.name], read[field.of])
        shown = {key: str(value) for key, value in read.items() if value is not None}
        made.append({"line": line, "raw": raws.get(line, ""), "read": shown})
    return made


def _show(result: dict[str, Any]) -> None:
    emit(
        f"{result['file']}  read as {result['format']}: {result['rows']:,} rows, {result['read']:,} read, "
        f"{result['quarantined']:,} refused"
    )
    for record in result["records"]:
        emit()
        raw = " ".join(record["raw"].split())
        emit(f"line {record['line']}  {clean(raw[:_RAW_SHOWN])}{'…' if len(raw) > _RAW_SHOWN else ''}")
        for key, value in record["read"].items():
            emit(f"    {key:<18}{clean(value)}")
    if result["totals"]:
        emit()
        table(
            [(t["kind"], t["currency"], f"{t['rows']:,}", t["amount"]) for t in result["totals"]],
            ("kind", "currency", "rows", "amount"),
        )
    if result["controls"]:
        emit()
        table([(c["name"], c["state"], c["detail"]) for c in result["controls"]], ("control total", "state", "detail"))
    if result["refusals"]:
        emit()
        table(
            [(r["line"], r["column"], r["found"], r["expected"]) for r in result["refusals"]],
            ("line", "column", "found", "expected"),
        )
        more = result["quarantined"] - len(result["refusals"])
        if more > 0:
            emit(f"... and {more:,} more")
    for warning in result["warnings"]:
        emit(f"warning: {clean(warning)}", fg="yellow")
    aside = result["set_aside"]
    if aside:
        emit()
        emit(f"a night would set this file aside: {clean(aside['reason'])}", fg="red")
        for line in aside["detail"]:
            emit(f"    {clean(line)}")
        emit(f"  to fix  {aside['remedy']}")
