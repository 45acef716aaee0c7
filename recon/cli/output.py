"""Output of the commands: results to stdout, talk and progress to stderr, nothing that a script would stumble over.

What a file or a database says can't steer the terminal: control characters are shown, not obeyed.

`--workspace` and `--json` live here because every command has them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from recon.errors import ReconError

F = TypeVar("F", bound=Callable[..., Any])

WIDTH_MAX = 80


def workspace_option(command: F) -> F:
    """`--workspace/-w PATH`; the command gets `workspace`, the root that `find_workspace` gives."""
    return click.option(
        "-w",
        "--workspace",
        type=click.Path(path_type=Path),
        envvar="RECON_WORKSPACE",
        callback=lambda _ctx, _parameter, value: find_workspace(value),
        help="Folder with recon.yaml; by default the nearest one from here upwards.",
    )(command)


def json_option(command: F) -> F:
    """`--json`; the command gets `as_json` and then prints nothing but JSON on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON only.")(command)


def find_workspace(given: Path | None = None) -> Path:
    """The folder that holds recon.yaml: the one given (or its recon.yaml), else the nearest from here upwards."""
    if given is not None:
        root = given.parent if given.name == "recon.yaml" else given
        if not (root / "recon.yaml").is_file():
            raise ReconError("no-workspace", f"there is no recon.yaml in {root}", "`recon init DIR` writes one")
        return root.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "recon.yaml").is_file():
            return folder
    remedy = "go to a workspace, give --workspace DIR, or make one: `recon init DIR`, `recon demo DIR`"
    raise ReconError("no-workspace", "there is no recon.yaml in this folder or above it", remedy)


def emit(text: str = "", **style: Any) -> None:
    """A line of the result, on stdout; `style` as click's, where colour is wanted."""
    shown = inert(text)
    click.echo(click.style(shown, **style) if style and colour() else shown)


def emit_json(value: Any) -> None:
    """A value as JSON on stdout: dataclasses as objects, dates in ISO form, keys in the order given; what a terminal would
    take as a command, or would not show, is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    if not text.replace("\n", "").isprintable():
        text = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    click.echo(text)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)


def say(text: str = "") -> None:
    """Talk: a line for people, on stderr."""
    click.echo(inert(text), err=True)


def next_command(command: str) -> None:
    """How every command ends: the one to go on with."""
    say(f"next: {clean(command)}")


def width(text: str) -> int:
    """Columns that a text takes on a terminal: Korean, Chinese and Japanese letters take two."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def shorten(text: str, columns: int) -> str:
    """The text cut to a width, with an ellipsis where something was cut."""
    if width(text) <= columns:
        return text
    cut = ""
    for letter in text:
        if width(cut + letter) > columns - 1:
            break
        cut += letter
    return cut + "…"


def clean(value: object) -> str:
    """A value of the data on one line: control characters and line ends are written out."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def inert(text: str) -> str:
    """Text of ours that may hold values of the data: its lines stay, other control characters are written out."""
    return "\n".join(map(clean, text.split("\n")))


def wrapped(head: str, text: object) -> None:
    """A text on as many lines as the terminal's width needs, all below where the first begins after `head`; one line where
    stdout is no terminal. A word that is too long stays whole, so that it can be copied."""
    limit = _terminal_columns() if sys.stdout.isatty() else 0
    before, line = head, ""
    margin = " " * width(head.lstrip("\n"))
    for word in clean(text).split(" "):
        longer = f"{line} {word}" if line else word
        if limit and line and width(margin) + width(longer) > limit:
            emit(before + line)
            before, line = margin, word
        else:
            line = longer
    emit(before + line)


def table(rows: Iterable[Sequence[object]], headers: Sequence[str], *, columns: int = 0) -> None:
    """A table on stdout, numbers to the right.

    columns   greatest width; by default the terminal's, and without limit where stdout is not a terminal
    The widest column of text gives way first.
    """
    body = [[clean(value) for value in row] for row in rows]
    right = [bool(body) and all(_number(row[at]) for row in body) for at in range(len(headers))]
    widths = [max([width(head), *(width(row[at]) for row in body)]) for at, head in enumerate(headers)]
    limit = columns or (_terminal_columns() if sys.stdout.isatty() else 0)
    while limit and sum(widths) + 2 * (len(widths) - 1) > limit:
        widest = max((at for at in range(len(widths)) if not right[at]), key=lambda at: widths[at], default=None)
        if widest is None or widths[widest] <= 8:
            break
        widths[widest] -= 1
    for row in (list(headers), ["-" * size for size in widths], *body):
        emit("  ".join(_pad(cell, widths[at], right[at]) for at, cell in enumerate(row)).rstrip())


def _number(text: str) -> bool:
    return not text or text.lstrip("-").replace(",", "").replace(".", "", 1).isdecimal()


def _pad(text: str, columns: int, right: bool) -> str:
    text = shorten(text, columns)
    gap = " " * (columns - width(text))
    return gap + text if right else text + gap


def _terminal_columns() -> int:
    import shutil

    return shutil.get_terminal_size((WIDTH_MAX, 24)).columns


def colour(stream: IO[str] | None = None) -> bool:
    """Whether to use colour on the stream (stdout): FORCE_COLOR, NO_COLOR and TERM=dumb have their say first."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and (stream or sys.stdout).isatty()


class Progress:
    """Which stage a night is in, for how long, with rows and rows per second.

    On a terminal a line on stderr that is written over as the work goes on; each stage that is done leaves its line.
    With `log` and where stderr is no terminal, each stage that is done is a line of JSON there: what cron keeps.

    with Progress("night 2026-11-19") as progress:
        run_night(..., progress.step, progress.counter)
    """

    def __init__(self, what: str, *, quiet: bool = False, log: Mapping[str, str] | None = None) -> None:
        """quiet: no line on a terminal. log: what every line of the log says besides; none without it."""
        self.what, self.rows = what, 0
        self._log = log if log and not sys.stderr.isatty() else None
        self._shown = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._begun = time.monotonic()
        self._writing, self._ended = threading.Lock(), threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)

    @property
    def counter(self) -> Callable[[int], None] | None:
        """What to tell of rows that are done; None where nobody asks."""
        return self.advance if self._shown or self._log else None

    def __enter__(self) -> Progress:
        if self._shown:
            self._ticking.start()
        return self

    def advance(self, rows: int) -> None:
        """Note that so many more rows are done."""
        self.rows += rows

    def step(self, what: str) -> None:
        """Go on to the next part of the work, counting its rows from zero."""
        with self._writing:
            self._done()
            self.what, self.rows, self._begun = what, 0, time.monotonic()
            if self._shown:
                self._show()

    def _done(self) -> None:
        """Leave a line about the stage that ends."""
        if self._shown:
            self._show("\n")
        elif self._log:
            seconds = round(time.monotonic() - self._begun, 3)
            told = {**self._log, "stage": self.what, "rows": self.rows or None, "seconds": seconds}
            say(json.dumps({name: value for name, value in told.items() if value is not None}, ensure_ascii=False))

    def __exit__(self, *_error: object) -> None:
        if not self._shown:
            self._done()
        else:
            self._ended.set()
            self._ticking.join()
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _tick(self) -> None:
        """A second may pass without a row: the clock says that the work goes on."""
        while not self._ended.wait(0.2):
            with self._writing:
                self._show()

    def _show(self, end: str = "") -> None:
        seconds = time.monotonic() - self._begun
        rows = f"  {self.rows:,} rows  {self.rows / seconds:,.0f}/s" if self.rows and seconds > 0 else ""
        told = f"{rows}  {seconds:.0f} s" if seconds >= 1 else rows
        sys.stderr.write(f"\r\x1b[K  {shorten(clean(self.what), _terminal_columns() - len(told) - 4)}{told}{end}")
        sys.stderr.flush()
