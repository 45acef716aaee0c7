"""Encoding: which of a few declared encodings a file's bytes are in, by what they decode to.

A byte order mark says it; bytes that are UTF-8 beyond ASCII are hardly ever anything else. Of the others each candidate that
decodes the bytes without a fault is scored by how many of its letters are common in its language: CP949 read as CP1252 decodes
too, to letters that nobody writes side by side.
Never      a general charset detector: those know little of Korean exports, and what they say can't be explained.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from recon.sniff.evidence import CERTAIN, Finding, sure

_KOREAN = (
    "이다의가에는을를로고하지사기시자인일정대한수서보리나제어아원부전해상주장공여도동유성금결승취소액료번호분급예확합계총매출입"
    "은행카드거래맹점품문날짜간환불산구코명세현용증신요청좌별월년회포인트김박최과세율적건선후발송배방법간편할부무반영완료"
)
_JAPANESE = "日付金額取引手数料合計入出注文番号店売上決済支払月年時分名円消費税"
_CHINESE = "的交易金额日期订单号手续费退款商户合计元支付账流水类型时间状态成功名称备注"
_WESTERN = "äöüßÄÖÜéèêëàâçñóíúáôîïœæøåãõìòùÉÈÀÇÑÁÍÓÚÅØÆ€£§°–—’‘“”…«»·№"
_CENTRAL = "ąćęłńśźżĄĆĘŁŃÓŚŹŻáčďéěíňóřšťúůýžČĎĚŇŘŠŤŮŽőűŐŰäöüßÄÖÜăâîșțşţ€–—’“”„…§°"


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding to declare, the finding, and whether a wrong guess would go unseen (it reads other letters, no fault)."""

    name: str
    finding: Finding
    unsure: str


def sniff_encoding(data: bytes, whole: bool) -> Encoding:
    """The encoding of these bytes. `whole`: they are all of the file."""
    looked = f"{len(data):,} bytes looked at" + ("" if whole else ", not the whole file")
    if data.startswith(codecs.BOM_UTF8):
        return _told("utf-8", "utf-8 with a byte order mark", data, f"the file begins with EF BB BF; {looked}")
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if data.startswith(mark):
            why = f"the file begins with {mark.hex(' ').upper()}; {looked}"
            return _told("utf-16", "utf-16 with a byte order mark", data, why)
    if nul := _utf16_without_mark(data):
        return nul
    others = len(data) - len(data.translate(None, bytes(range(128, 256))))
    if not others:
        why = f"only ASCII, which reads the same in utf-8, cp949 and cp1252; {looked}. A later file tells"
        return Encoding("utf-8", Finding("encoding", "utf-8 (ASCII so far)", 50, why), "")
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError as error:
        return _legacy(data, f"not utf-8: byte {data[error.start]:02X} at offset {error.start}", looked)
    letters = sum(letter > "\x7f" for letter in text)
    why = f"{letters:,} letters beyond ASCII, every one of them whole utf-8; {looked}"
    return Encoding("utf-8", Finding("encoding", "utf-8", sure(letters, letters), why), "")


def _told(name: str, found: str, data: bytes, why: str) -> Encoding:
    try:
        data.decode(name)
    except UnicodeDecodeError as error:
        why += f"; but byte {data[error.start]:02X} at offset {error.start} is not {name}"
        return Encoding(name, Finding("encoding", found, 50, why), "the file's mark and its bytes disagree")
    return Encoding(name, Finding("encoding", found, CERTAIN, why), "")


def _utf16_without_mark(data: bytes) -> Encoding | None:
    sample = data[:65_536]
    for name, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, half = sample[first::2].count(0), len(sample) // 2
        if half and zeros * 2 > half and sample[1 - first :: 2].count(0) * 20 < half:
            why = f"{zeros:,} of {half:,} characters have a zero byte where {name} puts it; no byte order mark"
            return Encoding(name, Finding("encoding", name, sure(zeros, half), why), "")
    return None


def _legacy(data: bytes, not_utf8: str, looked: str) -> Encoding:
    """The best of the encodings that are older than UTF-8."""
    tried = [(_score(data, name, score), name, language) for name, language, score in _CANDIDATES]
    scored = [(*scores, name, language) for scores, name, language in tried if scores is not None]
    scored.sort(key=lambda each: -each[0] * 1000 // each[1])
    if not scored:
        why = f"{not_utf8}, and nothing else that is known here decodes it; {looked}"
        return Encoding("utf-8", Finding("encoding", "unknown", 0, why), "no known encoding decodes the file")
    points, seen, name, language = scored[0]
    read = data.decode(name, "replace")
    near = [
        each
        for each in scored[1:]
        if each[0] * seen * 10 >= points * each[1] * 9 and data.decode(each[2], "replace") != read
    ]
    why = f"{not_utf8}; {points:,} of {seen:,} letters beyond ASCII are common {language}"
    if name == "cp949":
        try:
            data.decode("euc_kr")
            why += "; euc-kr reads it too"
        except UnicodeDecodeError as error:
            why += f"; not euc-kr: byte {data[error.start]:02X} at offset {error.start}"
    if near:
        why += f"; {', '.join(each[2] for each in near)} fits about as well"
    # Another Korean encoding would fail loudly; of the single-byte ones nearly every byte is some letter.
    certain = sure(points, seen, 1 + len(near))
    silent = name != "cp949" or certain < 80
    unsure = f"look at the letters beyond ASCII in a preview: {name} was picked by likeness" if silent else ""
    return Encoding(name, Finding("encoding", name, certain, f"{why}; {looked}"), unsure)


def _score(data: bytes, name: str, score: Callable[[str], int]) -> tuple[int, int] | None:
    """(points, letters beyond ASCII) of the bytes in an encoding, None where they are not in it."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(data)
    except UnicodeDecodeError:
        return None
    seen = sum(letter > "\x7f" for letter in text)
    return (score(text), seen) if seen else None


def _common(text: str, common: frozenset[str], low: str, high: str) -> int:
    """Common letters whole, others of the script half."""
    beyond = [letter for letter in text if letter > "\x7f"]
    known = sum(letter in common for letter in beyond)
    return known + sum(low <= letter <= high and letter not in common for letter in beyond) // 2


def _alone(text: str, common: frozenset[str]) -> int:
    """Letters that stand as Latin text has them: not in runs of three."""
    points, run = 0, 0
    for letter in text + " ":
        if letter > "\x7f":
            run += 1
            points += letter in common
        else:
            points -= run if run > 2 else 0
            run = 0
    return max(points, 0)


def _cyrillic(text: str) -> int:
    """Letters in words of Cyrillic letters alone: lower case after a letter, capitals before one or after a space."""
    words = re.findall("[А-Яа-яЁё]+", re.sub("[A-Za-z0-9][^ ]*[^\\x00-\\x7f][^ ]*", "", text))
    return sum(len(word) for word in words if len(word) > 1 and (word[1:].islower() or word.isupper()))


_CANDIDATES: tuple[tuple[str, str, Callable[[str], int]], ...] = (
    ("cp949", "Korean", partial(_common, common=frozenset(_KOREAN), low="가", high="힣")),
    ("cp932", "Japanese", partial(_common, common=frozenset(_JAPANESE), low="\u3040", high="\u30ff")),
    ("gb18030", "Chinese", partial(_common, common=frozenset(_CHINESE), low="\uffff", high="\uffff")),
    ("cp1252", "Western European", partial(_alone, common=frozenset(_WESTERN))),
    ("iso8859-15", "Western European", partial(_alone, common=frozenset(_WESTERN))),
    ("cp1250", "Central European", partial(_alone, common=frozenset(_CENTRAL))),
    ("cp1251", "Cyrillic", _cyrillic),
)
