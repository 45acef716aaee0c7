"""MT940 text: the parts of a :86: field in the dialects that banks write, by name.

Marked   a code and two-digit parts behind one sign: `051?00TRANSFER?20SVWZ+...?32NAME`; also `>20`, `~20`
Slashed  words between slashes: `/EREF/.../CNTP/account/bank/name///REMI/USTD//text/`
Free     anything else: only the text
Lines of a field break inside words, so they are joined before anything is looked for; the raw text is the row's.
"""

from __future__ import annotations

import re

_MARKED = re.compile(r"\s*([0-9]{3})([?>~^<|])(?=[0-9]{2})")
_SLASHED = re.compile(
    r"/(TRTP|TRCD|CSID|NAME|MARF|EREF|REMI|IBAN|BIC|CNTP|ISDT|PREF|RTRN|PURP|ULTC|ULTD|BENM|ORDP|OCMT|CHGS|EXCH|SVCL|INIT)/"
)
_KEYWORD = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|PURP|IBAN|BIC|RREF)\+")
#: Parts of a marked text that hold what the payer wrote, and the length of one: a part that is full runs on in the next.
_WRITTEN = [*(f"{n}" for n in range(20, 30)), *(f"{n}" for n in range(60, 64))]
_PART = 27


def text_parts(text: str) -> dict[str, str | None]:
    """The columns that a :86: field gives: `text` (all of it), and by dialect

    86.code, 86.00 ... 86.99     the parts of a marked text as they stand
    86.written, 86.name, 86.account, 86.EREF, 86.KREF, 86.SVWZ ...      what they say together
    86.EREF, 86.REMI, 86.RTRN ..., 86.name, 86.account, 86.bank, 86.reference     of a slashed text
    """
    lines = [line for line in text.split("\n") if line.strip()]
    joined = "".join(lines)
    marked = _MARKED.match(joined)
    if marked:
        return {"text": joined.strip()} | _marked(joined, marked)
    if _SLASHED.match(joined):
        return {"text": joined.strip()} | _slashed(joined)
    return {"text": " ".join(" ".join(lines).split())}


def _marked(joined: str, start: re.Match[str]) -> dict[str, str | None]:
    pieces = re.split(re.escape(start[2]) + r"([0-9]{2})", joined[start.end() - 1 :])
    parts: dict[str, str] = {}
    for number, value in zip(pieces[1::2], pieces[2::2], strict=True):
        parts[number] = parts.get(number, "") + value
    written = ""
    before = ""
    for number in _WRITTEN:
        if number in parts:
            run_on = not written or len(before) >= _PART
            written += parts[number] if run_on else " " + parts[number].lstrip()
            before = parts[number]
    found: dict[str, str | None] = {f"86.{number}": value.strip() for number, value in parts.items()}
    found["86.code"] = start[1]
    found["86.written"] = written.strip()
    found["86.name"] = (parts.get("32", "") + parts.get("33", "")).strip()
    found["86.account"] = (parts.get("38") or parts.get("31", "")).strip()
    found["86.bank"] = parts.get("30", "").strip()
    return found | _keywords(written)


def _keywords(written: str) -> dict[str, str | None]:
    """What stands behind the SEPA keywords (EREF+, SVWZ+ ...) inside what was written."""
    pieces = _KEYWORD.split(written)
    return {f"86.{word}": value.strip() for word, value in zip(pieces[1::2], pieces[2::2], strict=True)}


def _slashed(joined: str) -> dict[str, str | None]:
    pieces = _SLASHED.split(joined)
    words = dict(zip(pieces[1::2], (value.strip("/ ") for value in pieces[2::2]), strict=True))
    found: dict[str, str | None] = {f"86.{word}": value for word, value in words.items()}
    if "CNTP" in words:
        account, bank, name = [*words["CNTP"].split("/"), "", ""][:3]
        found |= {"86.account": account, "86.bank": bank, "86.name": name}
    else:
        found |= {"86.account": words.get("IBAN"), "86.bank": words.get("BIC"), "86.name": words.get("NAME")}
    remittance = words.get("REMI", "")
    structured = re.match(r"STRD/(?:CUR|ISO)/(.*)", remittance)
    found["86.reference"] = structured[1].strip("/ ") if structured else None
    found["86.written"] = re.sub(r"^(?:USTD/+|STRD/(?:CUR|ISO)/)", "", remittance).strip("/ ")
    return found
