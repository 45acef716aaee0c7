"""Unconfirmed: lines of a format file that nobody has settled yet, marked `# TODO confirm: ...`.

`recon sniff` writes the marker where a wrong guess would be read in silence. Whoever knows the provider's file corrects the
line where it is wrong and deletes the comment. Until then no night reads the file: `recon check` and `recon run` refuse it.
"""

from __future__ import annotations

import re

from recon.config.yaml_file import Document
from recon.errors import Place, Problem

#: How a line is marked. What follows the colon says what has to be looked at.
MARKER = "# TODO confirm:"

_MARKED = re.compile(r"(?:^|\s)(#\s*TODO confirm\b:?)[ \t]*(.*)", re.IGNORECASE)
SAID = "not confirmed: "
_REMEDY = "settle it, then delete the comment"


def unconfirmed(document: Document) -> list[Problem]:
    """An error for each marked line, with its place.

    A marker inside a quoted text counts as well: a format has no use for one, and red is the safe side.
    """
    problems = []
    for number, line in enumerate(document.source.split("\n"), 1):
        if found := _MARKED.search(line):
            what = found[2].strip() or "the line"
            problems.append(Problem(Place(document.label, number, found.start(1) + 1), SAID + what, _REMEDY))
    return problems
