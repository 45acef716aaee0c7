"""Provider: whose file it is, by what the file says, its name, and the sources that the workspace has already.

Comes in   what a person said, sources whose pattern the file's path matches, the lines around the table, the file's name
Goes out   the provider's name as formats write it, the finding, and what is to be confirmed: a wrong one is read in silence
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recon.sniff.evidence import CERTAIN, Finding, sure
from recon.sniff.words import PROVIDERS, normal

#: Words of file names that name no provider.
_GENERIC = frozenset(
    "activity balance batch billing change csv daily data detail details download events export fee fees file final fixture "
    "history in line lines list live merchant month monthly new order orders out payment payments payout payouts psp recon "
    "reconciliation records report reports sales sample settlement settlements statement summary test transaction "
    "transactions transfer transfers txn week weekly".split()
)


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider to propose. `doubt`: what is to be confirmed, empty where somebody or the file itself says it."""

    name: str
    finding: Finding
    doubt: str = ""


def provider(
    sources: Sequence[tuple[str, str]], names: Sequence[str], chosen: str, inside: Iterable[str], known: Iterable[str]
) -> Provider:
    """The provider of a file.

    sources   (source, provider) of those in the workspace whose pattern the file matches
    names     of the file, and of the one inside an archive
    chosen    the name that a person gave the format; empty: it is made of the file's
    inside    texts of the file that could name its provider: the lines around the table, the columns
    known     providers of the known formats
    """
    told = {psp: source for source, psp in sources if psp}
    if len(told) == 1:
        [(psp, source)] = told.items()
        return Provider(psp, Finding("provider", psp, CERTAIN, f"source {source} of the workspace reads such files"))
    mentions = _mentions(" ".join(map(normal, inside)), known)
    where = "the file names it"
    if not mentions:
        mentions, where = _mentions(" ".join(map(normal, names)), known), "the file's name has it"
    if mentions:
        psp, *others = mentions
        doubt = f"the provider: {' and '.join(mentions)} are named" if others else ""
        return Provider(psp, Finding("provider", psp, sure(1, 1, len(mentions)), f"{where}, and it is known"), doubt)
    words = [word for name in names for word in re.findall("[a-z]{2,}", name.casefold().split(".")[0])]
    word = next((word for word in words if word not in _GENERIC), "")
    first = chosen.split("_")[0]
    if word and word == first:
        why = "the file's name begins so, and the format was named so"
        return Provider(word, Finding("provider", word, sure(2, 2), why))
    if word:
        why = "the first word of the file's name that says anything"
        return Provider(word, Finding("provider", word, 50, why), "the provider, by the file's name alone")
    found = first or "proposed"
    why = "neither the file nor its name says it"
    return Provider(found, Finding("provider", found, 0, why), "the provider: neither the file nor its name says it")


def _mentions(text: str, known: Iterable[str]) -> list[str]:
    """Known providers that a text names, those with the longest names first; a name within another is not one more."""
    called = {psp: (psp.replace("_", " "), psp.replace("_", "")) for psp in known} | {
        psp: (*(each for each, of in PROVIDERS.items() if of == psp), psp.replace("_", " "), psp.replace("_", ""))
        for psp in PROVIDERS.values()
    }
    found: dict[str, str] = {}
    for psp, ways in called.items():
        for way in ways:
            if re.search(rf"\b{re.escape(way)}\b", text) if way.isascii() else way in text:
                found.setdefault(psp, way)
    longest = sorted(found, key=lambda psp: (-len(found[psp]), psp))
    return [psp for at, psp in enumerate(longest) if not any(found[psp] in found[other] for other in longest[:at])]
