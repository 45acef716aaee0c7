"""Terms files: what a provider's contract lets it charge, one YAML file per provider and currency (docs/terms.md).

Comes in   terms/NAME.yaml
Goes out   frozen `Terms`, versions newest first, or all problems at once
Never      a float: percentages and amounts are exact decimal text; never rounds what a contract says.
"""

from __future__ import annotations

import re
from pathlib import Path

from recon.config import reader
from recon.config.models import PriceModel, RateModel, TermsFile, VersionModel
from recon.config.validate import validate
from recon.config.yaml_file import Document, Key, read_document
from recon.domain.money import exponent, read_scaled
from recon.domain.records import KINDS, RECORD_TYPES
from recon.domain.rulebook import Reconciliation
from recon.domain.terms import MILLIONTHS, Price, Rate, Rounding, Terms, Version
from recon.errors import Place, Problem

#: Decimals of a percentage: 2.9 % is 29,000 millionths.
PLACES = 4
#: Fixed parts and bounds are below this many minor units, so that no fee leaves int64.
LARGEST = 10**15


def read_terms(path: Path, label: str = "") -> tuple[Terms | None, list[Problem]]:
    """The terms of a file, and its problems. `label`: how messages name the file; its file name when empty."""
    document = read_document(path, label)
    if document.root.entries == {}:
        return None, document.problems or [Problem(Place(document.label), "the file is empty", "see docs/terms.md")]
    model = validate(TermsFile, document, droppable=("versions",))
    terms = _Reader(document, model).read() if model is not None else None
    return terms, sorted(document.problems, key=lambda problem: (problem.place.line, problem.place.column))


def needs_terms(reconciliation: Reconciliation) -> str:
    """The first derived field of a reconciliation that only terms can tell; empty where it reads none."""
    read = {name for expr in reconciliation.agree for name in (*expr.names, *(argument for _, argument in expr.calls))}
    read |= {
        name
        for rule in reconciliation.breaks
        for name in (*rule.when.names, *(argument for _, argument in rule.when.calls))
    }
    told = ("expected_fee", "expected_tax", "without_terms")
    names = [
        f"{side.name}.{field}"
        for side in reconciliation.sides
        for field in told
        if RECORD_TYPES[side.record].fact(field) is not None
    ]
    return next((name for name in names if name in read), "")


class _Reader:
    """Turns one validated file into terms; notes what is wrong in the document."""

    def __init__(self, document: Document, model: TermsFile) -> None:
        self.document, self.model = document, model
        self.places = exponent(model.currency)

    def read(self) -> Terms:
        model, document = self.model, self.document
        if self.places is None:
            document.error(f"{model.currency} is not an ISO 4217 currency", "as KRW, USD, EUR", "currency")
        if not model.versions:
            document.error("versions is empty", "one at least, with the day that it holds from", "versions")
        versions = [self._version(version, "versions", at) for at, version in enumerate(model.versions)]
        starts = [version.starts for version in versions]
        for at, day in enumerate(starts):
            if day in starts[:at]:
                document.error(f"two versions hold from {day}", "keep one", "versions", at, "from")
        newest_first = tuple(sorted(versions, key=lambda version: version.starts, reverse=True))
        return Terms(model.terms, model.psp, model.currency, newest_first, model.account, document.sha256)

    def _version(self, model: VersionModel, *path: Key) -> Version:
        if not model.rates:
            self.document.error("rates is empty", "say what is charged; {} is free of charge", *path, "rates")
        tax = self._percent(model.tax_percent, 0, *path, "tax_percent")
        rates = tuple(self._rate(rate, tax, *path, "rates", at) for at, rate in enumerate(model.rates))
        return Version(model.from_, rates, Rounding(model.rounding))

    def _rate(self, model: RateModel, tax: int, *path: Key) -> Rate:
        for at, kind in enumerate(model.kinds):
            reader.known(self.document, kind, KINDS, "a kind", *path, "kinds", at)
        priced = model.model_fields_set & {"percent", "fixed"}
        ways = [bool(priced), bool(model.tiers), bool(model.as_charged)]
        if sum(ways) > 1:
            self.document.error("a rate has percent and fixed, tiers, or as_charged", "keep one of them", *path)
        least, most = (
            None if text is None else self._amount(text, *path, key)
            for key, text in (("min", model.min), ("max", model.max))
        )
        if model.as_charged and (least, most) != (None, None):
            self.document.error("what is right as charged has no bounds", "remove min and max", *path)
        if least is not None and most is not None and least > most:
            self.document.error(f"min {model.min} is above max {model.max}", "", *path, "min")
        if model.tax_percent is not None:
            tax = self._percent(model.tax_percent, 0, *path, "tax_percent")
        prices = self._tiers(model, *path) if model.tiers else (self._price(model, None, *path),)
        if model.as_charged:
            prices = ()
        return Rate(tuple(model.kinds), tuple(model.kinds_raw), prices, least, most, tax, model.as_charged)

    def _tiers(self, model: RateModel, *path: Key) -> tuple[Price, ...]:
        """Tiers by the line's amount: each reaches further than the one before, the last has no end."""
        prices: list[Price] = []
        reached = -1
        for at, tier in enumerate(model.tiers):
            where = (*path, "tiers", at)
            up_to = None if tier.up_to is None else self._amount(tier.up_to, *where, "up_to")
            last = at == len(model.tiers) - 1
            if (up_to is None) != last:
                self.document.error("every tier but the last has an up_to", "the last one is for all above", *where)
            elif up_to is not None and up_to <= reached:
                self.document.error(f"up_to {tier.up_to} is not above the tier before", "", *where, "up_to")
            reached = reached if up_to is None else up_to
            prices.append(self._price(tier, up_to, *where))
        return tuple(prices)

    def _price(self, model: PriceModel, up_to: int | None, *path: Key) -> Price:
        share = self._percent(model.percent, -100, *path, "percent")
        return Price(share, self._amount(model.fixed, *path, "fixed"), up_to)

    def _percent(self, text: str, least: int, *path: Key) -> int:
        """A percentage with at most four decimals, in millionths."""
        millionths = self._scaled(text, PLACES, "a percentage with at most 4 decimals", *path)
        if not least * MILLIONTHS <= millionths * 100 <= 100 * MILLIONTHS:
            self.document.error(f"{text} is not a percentage from {least} to 100", "", *path)
            return 0
        return millionths

    def _amount(self, text: str, *path: Key) -> int:
        """An amount in major units of the terms' currency, as minor units."""
        places = self.places or 0
        what = f"an amount of {self.model.currency} with at most {places} decimals"
        minor = self._scaled(text, places, what, *path) if self.places is not None else 0
        if abs(minor) >= LARGEST:
            self.document.error(f"{text} is too large", "", *path)
            return 0
        return minor

    def _scaled(self, text: str, places: int, what: str, *path: Key) -> int:
        node, number = self.document.node(*path), read_scaled(text, places)
        if node.text == text and node.plain and not re.fullmatch(r"-?[0-9]+", text):
            key = str(path[-1])
            self.document.error(f"{text} is not a whole number", f'put decimals in quotes: {key}: "{text}"', *path)
        elif number is None:
            self.document.error(f"{text!r} is not {what}", "plain digits and a point", *path)
        return number or 0
