"""Look: what a file is when it is not what its name says, told from its first bytes."""

from __future__ import annotations

import codecs
from pathlib import Path

from recon.domain.rulebook import Format
from recon.ingest.staged import UnreadableError

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip (.xlsx, .xlsb, .ods), an OLE file (.xls)
_AGAIN = "fetch it again, and look at how it was downloaded"
#: How packed and encrypted files begin: what they are, and the step of `unpack` that takes it off.
_PACKED = (
    (b"\x1f\x8b", "a gzip archive", "gzip"),
    *((b"BZh%d1AY" % level, "a bz2 archive", "bz2") for level in range(1, 10)),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "zstd"),
    (b"PK\x03\x04", "a zip archive", "zip"),
    (b"-----BEGIN PGP MESSAGE", "a PGP message", "pgp"),
    *((begins, "a PGP message", "pgp") for begins in (b"\x85\x01", b"\x85\x02", b"\x85\x03", b"\x84\x5e")),
)
_OFFICE = (b"[Content_Types].xml", b"mimetypeapplication/vnd.oasis")  # what a zip begins with that is a workbook


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
    if fmt.reader == "excel":
        refuse_no_workbook(path, text, head)
        return
    if text.startswith((b"<!doctype html", b"<html")):
        raise UnreadableError("it is a web page (HTML), perhaps a login page", _AGAIN)
    if text.startswith((b"<?xml", b"<error")) and (fmt.reader not in ("camt", "ofx") or b"<error>" in text):
        what = "an error document of the object store" if b"<error>" in text else "an XML document"
        raise UnreadableError(f"it is {what}, not a {fmt.reader} file", _AGAIN)
    if head.startswith(b"%PDF"):
        raise UnreadableError(f"it is a PDF, not a {fmt.reader} file", _AGAIN)
    if head.startswith(_WORKBOOKS) and (head[:2] != b"PK" or any(each in head for each in _OFFICE)):
        remedy = "a workbook needs a format with `reader: excel`; or save it as CSV"
        raise UnreadableError(f"it is a workbook, not a {fmt.reader} file", remedy)
    refuse_packed(head, f"not a {fmt.reader} file")
    declared = codecs.lookup(str(fmt.options.get("encoding", "utf-8"))).name
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not (
        declared.startswith("utf-16") or fmt.reader == "camt"  # XML says its encoding itself
    ):
        raise UnreadableError("it is UTF-16 text", "declare `encoding: utf-16` in the format's options")


def refuse_packed(head: bytes, wanted: str) -> None:
    """Raise UnreadableError for an archive or a message: nothing is unpacked that is not declared."""
    for begins, what, step in _PACKED:
        if head.startswith(begins):
            remedy = f"declare `unpack: [{step}]` at the source; to look at it: recon preview --unpack {step}"
            raise UnreadableError(f"it is {what}, {wanted}", remedy)


def refuse_no_workbook(path: Path, text: bytes, head: bytes) -> None:
    """Raise UnreadableError for what a program calls a workbook and is none: most often a page with a table in it."""
    if head.startswith(_WORKBOOKS):
        return
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head", b"<style")) or b"<table" in text:
        raise UnreadableError(
            f"it is an HTML page that calls itself {path.suffix or 'a workbook'}",
            "open it in a spreadsheet and save it as .xlsx or CSV, or ask the provider for one of these",
        )
    refuse_packed(head, "not a workbook")
    what = "an XML document" if text.startswith(b"<?xml") else "text" if b"\x00" not in head else "something else"
    raise UnreadableError(
        f"it is {what}, not a workbook", "a CSV file needs a format with `reader: delimited`; " + _AGAIN
    )
