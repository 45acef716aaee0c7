"""What the loaders share: checked expressions, names, amounts and zones of one document, with its problems noted."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from recon.config.yaml_file import Document, Key
from recon.domain.money import exponent, read_minor
from recon.domain.queue import AUTOMATIC, MACHINE, NAME, Ceilings, Policy
from recon.domain.rulebook import Brake, Expr
from recon.engine.expressions import FieldSpace, check, nearest
from recon.errors import Problem

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def expression(
    document: Document,
    text: str,
    space: FieldSpace,
    *path: Key,
    sides: Collection[str] = (),
    want: str = "boolean",
) -> Expr:
    """Check the expression at the path. A refused one is noted and comes back unread: the rest is still looked at."""
    place = document.place(*path)
    checked, problems = check(
        text, place, space, sides=sides, want=want, locate=lambda offset: document.at(offset, *path)
    )
    document.problems.extend(problems)
    return checked or Expr(text, place)


def known(document: Document, word: str, words: Collection[str], what: str, *path: Key, key: bool = False) -> bool:
    """Whether the word is one of the words; noted where it is not."""
    if word in words:
        return True
    document.error(f"{word} is not {what}", nearest(word, words), *path, key=key)
    return False


def amounts(document: Document, given: Mapping[str, str], *path: Key) -> dict[str, int]:
    """Amounts in major units by currency, as minor units."""
    read: dict[str, int] = {}
    for currency, text in given.items():
        places = exponent(currency)
        if places is None:
            document.error(f"{currency} is not an ISO 4217 currency", "as KRW, USD, EUR", *path, currency, key=True)
            continue
        if not text:
            continue  # that it has no value is said already
        minor, plain = read_minor(text, currency), document.node(*path, currency).plain
        if minor is None or minor < 0:
            remedy = (
                f"plain digits with at most {places} decimals"
                if places
                else f"plain digits; {currency} has no decimals"
            )
            document.error(f"{text!r} is not an amount of {currency}", remedy, *path, currency)
        elif plain and not re.fullmatch(r"[0-9]+", text):
            document.error(
                f"{text} is not a whole number", f'put decimals in quotes: {currency}: "{text}"', *path, currency
            )
        else:
            read[currency] = minor
    return read


def brake(document: Document, fixes: int, share_percent: int, limits: Mapping[str, str]) -> Brake:
    """The brake at the top of a document, its amounts in minor units."""
    return Brake(fixes, share_percent, amounts(document, limits, "brake", "amount"))


def approvals(
    document: Document, ceilings: Mapping[str, Mapping[str, str]], approvers: Collection[str] | None
) -> Policy:
    """The ceilings of `approvals`, in minor units, and who may approve."""
    read = {kind: amounts(document, given, "approvals", kind) for kind, given in ceilings.items()}
    if approvers is not None and not approvers:
        document.error("nobody may approve anything", "name them, or leave approvers out", "approvals", "approvers")
    for at, name in enumerate(approvers or ()):
        if name in (MACHINE, AUTOMATIC):
            remedy = "the names of people; a rule with auto_approve needs none"
            document.error(f"{name} is the program's own name", remedy, "approvals", "approvers", at)
        elif not NAME.fullmatch(name):
            remedy = "a login or a mail address: letters a to z in small, digits, . _ @ + -"
            document.error(
                f"{name!r} is not a name that decisions are signed with", remedy, "approvals", "approvers", at
            )
    _complete(document, ceilings)
    for wide in ("per_rule", "per_night", "per_person"):
        for currency, ceiling in read["per_fix"].items():
            if currency in read[wide] and read[wide][currency] < ceiling:
                message = f"{wide} of {currency} is below per_fix, so no fix could ever reach that"
                document.error(message, "raise it, or lower per_fix", "approvals", wide, currency)
    return Policy(Ceilings(**read), tuple(approvers) if approvers is not None else None)


def _complete(document: Document, ceilings: Mapping[str, Mapping[str, str]]) -> None:
    """Say which currency stands in one kind of ceiling and not in another."""
    for currency in sorted({each for given in ceilings.values() for each in given}):
        if exponent(currency) is None:
            continue  # said already
        has = next(kind for kind, given in ceilings.items() if currency in given)
        for kind, given in ceilings.items():
            if currency not in given:
                message = f"{currency} has a ceiling {has} and none {kind}, so nothing in {currency} could be approved"
                document.error(message, f"add it to {kind}", "approvals", kind)


def template(document: Document, text: str, names: Collection[str], *path: Key) -> str:
    """A text for people with {placeholders}: each has to be a name that can be read."""
    if "{" in _PLACEHOLDER.sub("", text) or "}" in _PLACEHOLDER.sub("", text):
        document.error("a brace without its partner", "write placeholders as {psp.psp}", *path)
    for match in _PLACEHOLDER.finditer(text):
        if match[1] not in names:
            place = document.at(match.start() + 1, *path)
            message = f"{match[1]} is not a name that can be shown here"
            document.problems.append(Problem(place, message, nearest(match[1], names)))
    return text


def placeholders(text: str) -> list[str]:
    """The names between braces."""
    return [match[1] for match in _PLACEHOLDER.finditer(text)]


def zone(document: Document, name: str, *path: Key) -> ZoneInfo:
    """The time zone of that name; UTC, with a problem noted, where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones

        remedy = nearest(name, available_timezones()) or "a name of the IANA database: Asia/Seoul, Europe/Berlin, UTC"
        document.error(f"{name} is not a time zone", remedy, *path)
        return ZoneInfo("UTC")
