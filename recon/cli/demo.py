"""`recon demo`: make a shop with planted breaks, run its nights, compare what they found with the truth."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.output import Progress, emit, emit_json, json_option, next_command, say
from recon.errors import Exit

if TYPE_CHECKING:
    from recon.demo.compare import Comparison
    from recon.demo.shop import Shop

SHOWN = 10
COUNTS = ("cleared", "pending", "silent", "broken", "fixes")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--payments", type=click.IntRange(min=300), default=2_000, show_default=True, help="Everyday payments.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, another shop.")
@click.option("--postgres", metavar="URL", help="Ledger, orders and state on this PostgreSQL database.")
@click.option("--mariadb", metavar="URL", help="Ledger and orders on this MariaDB database.")
@click.option("--schema", default="", metavar="NAME", help="With --postgres: a schema for ledger and orders.")
@click.option("--redis", metavar="URL", help="Count what is bought in this Redis as well, under recon-demo:*.")
@click.option("--no-run", is_flag=True, help="Make the shop only.")
@json_option
@click.pass_context
def demo(
    ctx: click.Context,
    directory: Path,
    payments: int,
    seed: int,
    postgres: str | None,
    mariadb: str | None,
    schema: str,
    redis: str | None,
    no_run: bool,
    as_json: bool,
) -> None:
    """Make a shop in DIR with planted breaks, run its five nights, compare what they found with the truth.

    The shop has three providers' settlement files, a ledger and payment orders; truth.csv says what each night should
    find. The same seed makes the same shop. A DIR that an earlier demo made is made again; any other has to be empty.
    With --postgres or --mariadb the database has to be empty of these tables, and recon.yaml names it by
    env:RECON_DEMO_DB_URL, so export that before other commands. With --redis the sets go from night to night as the nights
    are run; recon.yaml names the server by env:RECON_DEMO_REDIS_URL.

    \b
    Example:  recon demo recon-demo --payments 2000

    \b
    Exit status:  0 found exactly what was planted   1 found something else   2 usage   4 database unreachable
    """
    if postgres and mariadb:
        raise click.UsageError("--postgres and --mariadb exclude each other")
    if schema and not postgres:
        raise click.UsageError("--schema goes with --postgres")
    from recon.demo.make import URL_VARIABLE, make_shop

    url = postgres or mariadb
    if not as_json:
        say(f"making a shop of {payments:,} payments in {directory}")
    shop = make_shop(directory, payments, seed, url, schema=schema, state_too=bool(postgres), redis=bool(redis))
    if url:
        os.environ[URL_VARIABLE] = url
        say(f"recon.yaml names the database env:{URL_VARIABLE}: export it before other commands")
    if redis:
        from recon.demo import counters

        os.environ[counters.URL_VARIABLE] = redis
        say(f"recon.yaml names Redis env:{counters.URL_VARIABLE}: export it before other commands")
    if no_run:
        if redis:
            counters.fill(redis, directory, 0)
        _made(shop, as_json)
        return
    nights = _run_nights(shop, redis, as_json)
    from recon.demo.compare import compare

    result = compare(directory)
    if as_json:
        emit_json({"directory": str(directory), "nights": nights, "comparison": _as_data(result)})
    else:
        _say_comparison(result)
        emit(f"report  {directory / 'nights' / shop.nights[-1].isoformat() / 'report.html'}")
        next_command(f"cd {directory} && recon breaks list --date {shop.nights[-1]}")
    if not result.exact:
        ctx.exit(Exit.BUG)


def _made(shop: Shop, as_json: bool) -> None:
    if as_json:
        made = {"directory": str(shop.directory), "nights": [night.isoformat() for night in shop.nights]}
        emit_json(made | {"settlement_lines": shop.lines, "postings": shop.postings, "truth": str(shop.truth)})
        return
    emit(f"{shop.lines:,} settlement lines, {shop.postings:,} postings, truth in {shop.truth}")
    next_command(f"cd {shop.directory} && recon run --date {shop.nights[0]}")


def _run_nights(shop: Shop, redis: str | None, as_json: bool) -> list[dict[str, Any]]:
    """Run every night and print its verdict; for each: date, verdict, counts, folder."""
    from recon.api import run
    from recon.demo import counters

    nights: list[dict[str, Any]] = []
    for number, night in enumerate(shop.nights):
        if redis:
            counters.fill(redis, shop.directory, number)
        with Progress(f"night {night}", quiet=as_json) as progress:
            done = run(shop.directory, night, advance=progress.counter)
        nights.append(
            {
                "date": night.isoformat(),
                "verdict": done.verdict,
                "counts": dict(done.counts),
                "folder": str(done.folder),
            }
        )
        if not as_json:
            counts = "  ".join(f"{name} {done.counts.get(name, 0):>6,}" for name in COUNTS)
            emit(f"{night}  {done.verdict:<10}  {counts}")
    return nights


def _say_comparison(result: Comparison) -> None:
    emit()
    emit(
        f"planted {result.planted:,} breaks (night by night), found {result.right:,} under their code and class: "
        f"recall {result.recall:.1%}"
    )
    emit(f"{result.traps:,} traps that only look like breaks")
    for title, stands in (
        ("missed", result.missing),
        ("extra", result.extra),
        ("wrong clear", result.wrong_clear),
        ("not pending", result.not_pending),
    ):
        _list(title, (f"{s.night}  {s.key}  {s.code}  {s.class_}" for s in stands), len(stands))
    for title, pairs in (("wrong code", result.wrong_code), ("wrong class", result.wrong_class)):
        lines = (f"{a.night}  {a.key}  {a.code} {a.class_} planted, {b.code} {b.class_} found" for a, b in pairs)
        _list(title, lines, len(pairs))


def _list(title: str, lines: Iterable[str], count: int) -> None:
    emit(f"{title:<12} {count:,}")
    for number, line in enumerate(lines):
        if number == SHOWN:
            emit(f"  ... and {count - SHOWN:,} more")
            return
        emit(f"  {line}")


def _as_data(result: Comparison) -> dict[str, Any]:
    from dataclasses import asdict

    return {"exact": result.exact, "recall": result.recall, "right": result.right, **asdict(result)}
