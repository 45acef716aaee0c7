"""Calendars: holidays of countries and markets, from the `holidays` package, as plain dates."""

from __future__ import annotations

from datetime import date
from functools import cache

from recon.config.models import CalendarModel
from recon.config.yaml_file import Document
from recon.domain.calendar import Calendar

#: Years for which holidays are known; a night outside them would take holidays for business days.
YEARS = range(2015, 2036)


def read_calendar(document: Document, name: str, model: CalendarModel) -> Calendar:
    """The calendar of that name in recon.yaml: at most one country and one market, and further days."""
    path = ("calendars", name)
    days: set[date] = set(model.extra)
    if model.country is not None:
        try:
            days.update(_country(model.country))
        except NotImplementedError:
            message = f"there are no holidays for the country {model.country}"
            document.error(message, "an ISO 3166 code, as KR", *path, "country")
    if model.market is not None:
        try:
            days.update(_market(model.market))
        except NotImplementedError:
            message = f"there are no holidays for the market {model.market}"
            document.error(message, "as ECB (TARGET), XNYS, XKRX", *path, "market")
    return Calendar(name, frozenset(days))


@cache
def _country(code: str) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays(code, years=YEARS))


@cache
def _market(code: str) -> frozenset[date]:
    import holidays

    return frozenset(holidays.financial_holidays(code, years=YEARS))
