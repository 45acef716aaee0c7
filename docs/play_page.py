"""Do what a page says: run its commands, write its files, and put what is really printed below each command.

    python docs/play_page.py docs/your-first-psp.md            writes the page anew
    python docs/play_page.py --check docs/your-first-psp.md    exit 1 where the page says something else

In blocks of `console`, a line with `$ ` is a command (recon, cd, cp, echo $?) and what follows its output on stdout. A block of
`yaml` whose first line is `# PATH` is a file that the reader writes there.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from recon.cli.main import _run as run

_BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Player:
    """Where the reader stands, what the checkout is, and how the last command ended."""

    here: Path
    checkout: Path
    code: int = 0

    def played(self, page: str) -> str:
        """The page with what its commands print."""
        return _BLOCK.sub(lambda found: f"```{found[1]}\n{self._block(found[1], found[2])}```", page)

    def _block(self, kind: str, text: str) -> str:
        if kind == "yaml":
            if path := re.match(r"# (\S+/?\S*\.yaml)\n", text):
                (self.here / path[1]).write_text(text, encoding="utf-8")
            return text
        commands = [line for line in text.splitlines() if line.startswith("$ ")]
        return "".join(f"{line}\n{self._command(shlex.split(line[2:]))}" for line in commands)

    def _command(self, words: list[str]) -> str:
        if words[0] == "cd":
            self.here = self.here / words[1]
        elif words[0] == "cp":
            pattern = (self.here / words[1]).resolve()
            source = self.checkout / pattern.relative_to(self.here.resolve().parent)
            for each in sorted(source.parent.glob(source.name)):
                shutil.copy(each, self.here / words[2])
        elif words == ["echo", "$?"]:
            return f"{self.code}\n"
        elif words[0] == "recon":
            out, talk = io.StringIO(), io.StringIO()
            with contextlib.chdir(self.here), redirect_stdout(out), redirect_stderr(talk):
                self.code = int(run(words[1:], debug=False))
            said = "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")
            assert self.code in (0, 2, 3), talk.getvalue()
            return said.replace(str(self.here.resolve()) + "/", "") + "\n" if said else ""
        else:
            raise ValueError(f"a page can't do {words[0]}")
        return ""


def play(page: Path) -> str:
    """The page's text with what its commands print in an empty folder. Raises where a command ends as no command should."""
    with tempfile.TemporaryDirectory(prefix="recon-page-") as folder:
        return Player(Path(folder), page.resolve().parents[1]).played(page.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> int:
    """Write or check pages; returns the exit code."""
    stale = 0
    for name in (each for each in arguments if each != "--check"):
        page = Path(name)
        text = play(page)
        if text == page.read_text(encoding="utf-8"):
            continue
        if "--check" in arguments:
            stale += 1
            print(f"{name} says something else than its commands: python docs/play_page.py {name}", file=sys.stderr)
        else:
            page.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
