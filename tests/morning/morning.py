"""The commands, run in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from recon.cli.main import cli


@dataclass(frozen=True)
class Said:
    """What a command printed and how it left."""

    out: str
    err: str
    code: int
    error: BaseException | None

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(*words: object) -> Said:
    """A command of recon in this process. An error that it names is kept in `error`."""
    done = CliRunner().invoke(cli, [str(word) for word in words])
    error = done.exception if not isinstance(done.exception, SystemExit) else None
    return Said(done.stdout, done.stderr, done.exit_code, error)
