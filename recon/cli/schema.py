"""`recon schema`: JSON Schemas, for editors and for programs that read a night."""

from __future__ import annotations

import click

from recon.cli.output import emit, emit_json, json_option, next_command

NAMES = {
    "workspace": "recon.yaml",
    "rules": "rules/NAME.yaml",
    "format": "rules/formats/NAME.yaml",
    "terms": "terms/NAME.yaml",
    "summary": "nights/DATE/summary.json",
    "inputs": "nights/DATE/inputs.json",
    "decisions": "decisions.json, from the report or from recon fixes export",
}


@click.command()
@click.argument("name", required=False, type=click.Choice(list(NAMES)))
@json_option
def schema(name: str | None, as_json: bool) -> None:
    """Print the JSON Schema of a file that you write or read; without NAME list them.

    An editor with a YAML language server takes it from a first line such as
    `# yaml-language-server: $schema=recon.schema.json`.

    \b
    Example:  recon schema workspace > recon.schema.json
    """
    if name is not None:
        from recon.config.json_schema import schema as made

        emit_json(made(name))
        return
    if as_json:
        emit_json(NAMES)
        return
    for each, file in NAMES.items():
        emit(f"{each:<10} {file}")
    next_command("recon schema workspace > recon.schema.json")
