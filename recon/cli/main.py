"""The command `recon`: finds the command asked for, imports only that, and turns errors into exit codes.

Results go to stdout, talk and errors to stderr. An expected error names what to do and keeps its exit code
(recon/errors.py); anything else is a bug: exit 1, with its traceback under --debug.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType

import click

from recon import __version__
from recon.errors import Exit, ReconError

#: Command -> where it lives and one line about it; `recon --help` imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("recon.cli.demo:demo", "Make a shop with planted breaks, run its nights, compare with the truth."),
    "init": ("recon.cli.init:init", "Write a commented workspace for your own files."),
    "check": ("recon.cli.check:check", "Check recon.yaml, rules, formats and connections; say how to mend."),
    "sniff": ("recon.cli.sniff:sniff", "Tell what an unknown file is, and propose a format for it."),
    "preview": ("recon.cli.preview:preview", "Show a file's rows raw beside read, with totals and refusals."),
    "fixture": ("recon.cli.fixture:fixture", "Make a real file into one that may be shown."),
    "run": ("recon.cli.run:run", "Reconcile one night."),
    "catch-up": ("recon.cli.run:catch_up", "Reconcile the nights that are missing, oldest first."),
    "status": ("recon.cli.status:status", "List the nights and their verdicts."),
    "explain": ("recon.cli.explain:explain", "Tell all that is known about one reference."),
    "report": ("recon.cli.report:report", "Tell where a night's report is, and open it."),
    "diff": ("recon.cli.diff:diff", "Tell what one night says differently from another, or under changed rules."),
    "breaks": ("recon.cli.breaks:breaks", "List breaks; assign, note, resolve, match by hand."),
    "inputs": ("recon.cli.inputs:inputs", "List a night's inputs, accept or reject what waits for a person."),
    "fixes": ("recon.cli.fixes:fixes", "The fix queue: list, approve, reject, retry, export, import."),
    "rules": ("recon.cli.rules:rules", "Test, list and explain the rules."),
    "test": ("recon.cli.fixture_test:test", "Run fixtures and hold their nights against what they expect."),
    "verify": ("recon.cli.verify:verify", "Prove that a night's folder is whole and unchanged."),
    "schema": ("recon.cli.schema:schema", "Print the JSON Schema of a file that you write or read."),
    "completion": ("recon.cli.completion:completion", "Print the completion script of a shell."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when help lists them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), f"{module}:{attribute} is not a command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            raise click.UsageError(f"{error.message}" + (f" Did you mean {near[0]}?" if near else ""), ctx) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="recon")
@click.option("--debug", is_flag=True, envvar="RECON_DEBUG", help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Reconcile what payment providers settled with the ledger and the orders, night by night.

    \b
    Example:  recon demo recon-demo && cd recon-demo && recon status

    \b
    Exit status:  0 a trustworthy result   1 a bug   2 usage or configuration   3 an input missing or set aside
                  4 a system unreachable   5 totals do not tie   6 another run holds the lock   10 --fail-on
    """
    ctx.obj = {"debug": debug}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given or os.environ.get("RECON_DEBUG", "") not in ("", "0")
    if not debug:
        sys.excepthook = _say_bug
    sys.exit(_run(given, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        result = cli.main(arguments, prog_name="recon", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        _say("recon: stopped")
        return 130
    except ReconError as error:
        if debug:
            import traceback

            traceback.print_exc()
        _say(error.render())
        return error.exit
    except BrokenPipeError:
        # The reader of our output left (`recon status | head`): nothing is wrong. Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    return result if isinstance(result, int) else Exit.OK


def _say(text: str) -> None:
    """On stderr; a message may hold what stands in a file, which must not steer the terminal."""
    from recon.cli.output import say

    say(text)


def _say_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Whatever nobody expected: one line, and how to see more. Python then leaves with 1."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else ""
    _say(f"recon: {kind.__name__}: {first}")
    _say("  this is a bug in recon; run again as `recon --debug ...` and report what it prints")


if __name__ == "__main__":
    main()
