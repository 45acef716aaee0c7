"""Secrets: database URLs by reference. A value is never part of a message, and never stands in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from recon.config.yaml_file import Document, Key
from recon.workspace import Secret

_SCHEMES = ("sqlite", "postgresql", "mysql", "mariadb")
_SECRET_KEYS = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)


def read_url(
    document: Document, reference: str, root: Path, *path: Key, environment: Mapping[str, str] | None = None
) -> Secret:
    """A database URL from `env:NAME`, `file:PATH` (one line) or a literal without credentials.

    A relative SQLite path is taken from the workspace's root, not from where the command runs. What can't be read is
    noted without its value, and comes back with an empty one.
    """
    environment = os.environ if environment is None else environment
    kind, _, rest = reference.partition(":")
    value = ""
    if kind == "env":
        value = environment.get(rest, "")
        if not value:
            document.error(f"the environment variable {rest} is not set", f"export {rest}=...", *path)
            return Secret(reference, "")
    elif kind == "file":
        try:
            value = (root / rest).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            value = ""
        if not value:
            document.error(f"{reference} can't be read, or is empty", "one line with the URL", *path)
            return Secret(reference, "")
    else:
        value = reference
    return _checked(document, reference, value, root, literal=kind not in ("env", "file"), path=path)


def _checked(
    document: Document, reference: str, value: str, root: Path, *, literal: bool, path: tuple[Key, ...]
) -> Secret:
    try:
        parts = urlsplit(value)
        password, query = parts.password, parse_qsl(parts.query)
    except ValueError:
        document.error("this is not a database URL", "as sqlite:///shop.sqlite, or env:NAME", *path)
        return Secret("(unreadable)" if literal else reference, "")
    if literal and (password is not None or any(_SECRET_KEYS.search(name) for name, _ in query)):
        document.error("credentials stand in the file", "put the URL in a variable, and env:NAME here", *path)
        return Secret("(withheld)", "")
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _SCHEMES:
        remedy = f"one of: {', '.join(_SCHEMES)}; or env:NAME, file:PATH"
        document.error("this is not a URL of a database that can be read", remedy, *path)
        return Secret("(unreadable)" if literal else reference, "")
    if scheme == "sqlite":
        # sqlite:///relative, sqlite:////absolute
        place = value.partition("://")[2].removeprefix("/")
        value = f"sqlite:///{root / place}" if place and place != ":memory:" else value
    return Secret(reference, value)
