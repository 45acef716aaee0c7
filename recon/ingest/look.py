"""Look: what a file is when it is not what its name says, told from its first bytes."""

from __future__ import annotations

import codecs
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest.staged import UnreadableError

_AGAIN = "fetch it again, and look at how it was downloaded"


def refuse_by_look(path: Path, fmt: Format) -> None:
    """Raise UnreadableError for an empty file, a web page, an error document, a PDF, an archive, undeclared UTF-16."""
    with path.open("rb") as file:
        head = file.read(4096)
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if not head and not fmt.options.get("allow_empty"):
        raise UnreadableError(
            "the file is empty",
            "ask the provider for it again; an empty file never means that nothing was sold",
            code="empty",
        )
    if text.startswith((b"<!doctype html", b"<html")):
        raise UnreadableError("it is a web page (HTML), perhaps a login page", _AGAIN)
    if text.startswith((b"<?xml", b"<error")):
        what = "an error document of the object store" if b"<error>" in text else "an XML document"
        raise UnreadableError(f"it is {what}, not a {fmt.reader} file", _AGAIN)
    kinds = (
        (b"%PDF", "a PDF"),
        (b"PK\x03\x04", "a zip archive or an .xlsx workbook"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"\xd0\xcf\x11\xe0", "an old .xls workbook"),
    )
    for magic, what in kinds:
        if head.startswith(magic):
            raise UnreadableError(f"it is {what}, not a {fmt.reader} file", _AGAIN)
    declared = codecs.lookup(str(fmt.options.get("encoding", "utf-8"))).name
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not declared.startswith("utf-16"):
        raise UnreadableError("it is UTF-16 text", "declare `encoding: utf-16` in the format's options")
