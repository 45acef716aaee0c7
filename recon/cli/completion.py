"""`recon completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click

from recon.cli.output import emit, emit_json, json_option, say

#: Where each shell looks for it.
PLACES = {
    "bash": "recon completion bash > ~/.local/share/bash-completion/completions/recon",
    "zsh": "recon completion zsh > ~/.zfunc/_recon, with fpath+=~/.zfunc before compinit",
    "fish": "recon completion fish > ~/.config/fish/completions/recon.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(PLACES)))
@json_option
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of a shell.

    \b
    Example:  recon completion bash > ~/.local/share/bash-completion/completions/recon
    """
    from click.shell_completion import get_completion_class

    from recon.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None, f"click completes {shell}"
    made = kind(cli, {}, "recon", "_RECON_COMPLETE")
    script = made.source_template % made.source_vars()  # `source` would ask the shell for its version first
    if as_json:
        emit_json({"shell": shell, "script": script, "install": PLACES[shell]})
        return
    emit(script.rstrip("\n"))
    say(f"next: {PLACES[shell]}")
