"""`recon test`: run the fixtures of a workspace and hold what their nights leave against what they expect."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from recon.cli.output import emit, emit_json, json_option, next_command, say
from recon.errors import ReconError

LINES = 40


@click.command()
@click.argument(
    "folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="[FOLDER]..."
)
@click.option("--update", is_flag=True, help="Write what the nights leave as what is expected; not in CI.")
@json_option
@click.pass_context
def test(ctx: click.Context, folders: tuple[Path, ...], update: bool, as_json: bool) -> None:
    """Run fixtures: the nights of each in a copy of its workspace, compared with its expected/.

    FOLDER is a fixture or a folder of them; tests/fixtures by default.

    \b
    Example:  recon test tests/fixtures/lost_webhook

    \b
    Exit status:  0 all as expected   1 something differs   2 usage, or a fixture that can't run
    """
    from recon.scenario import scenarios_in

    if update and os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise ReconError(
            "no-update-in-ci", "what is expected is not rewritten in CI", "run `recon test --update` yourself"
        )
    given = folders or (Path("tests/fixtures"),)
    results = [_run(each, update, as_json) for folder in given for each in scenarios_in(folder)]
    different = [each for each in results if each["changed"]]
    if as_json:
        emit_json(results)
    else:
        verb = "updated" if update else "different"
        emit(f"{len(results)} fixture{'s' if len(results) != 1 else ''}, {len(different)} {verb}")
        if update and different:
            next_command("git diff")
        else:
            next_command(f"recon test {different[0]['fixture']} --update" if different else "recon rules test")
    ctx.exit(1 if different and not update else 0)


def _run(folder: Path, update: bool, quiet: bool) -> dict[str, Any]:
    """Run one; say what differs, in business words first."""
    from recon.diff import diff, sentences, snapshot_of
    from recon.scenario import answers, differences, expected_in, play, refresh

    with tempfile.TemporaryDirectory() as scratch:
        left = play(folder, Path(scratch) / "workspace")
        expected, found = expected_in(folder), answers(left)
        changes = differences(expected, found)
        told = []
        for night in left:
            before = folder / "expected" / night.name
            if (before / "breaks.csv").is_file():
                told += [f"{night.name} {each}" for each in sentences(diff(snapshot_of(before), snapshot_of(night)))]
    if update and changes:
        refresh(folder / "expected", expected, found)
    if not quiet:
        if not changes:
            say(f"same       {folder}")
        else:
            emit(f"{'updated' if update else 'different':<10} {folder}")
            for each in told:
                emit(f"  {each}")
            lines = [line for change in changes for line in change.split("\n")]
            for line in lines[:LINES]:
                emit(f"    {line}")
            if len(lines) > LINES:
                emit(f"    and {len(lines) - LINES} more lines; --json has all")
    return {"fixture": str(folder), "changed": bool(changes), "sentences": told, "differences": changes}
