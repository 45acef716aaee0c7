"""Fees: what a settlement line was charged, and what the terms let it be charged, as SQL over the line's own columns.

Comes in   the workspace's terms
Goes out   a SQL expression for each derived field of `settlement_line`, in minor units
Never      a float, and no division: a share is an exact DECIMAL product, rounded once
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recon.domain.terms import MILLIONTHS, Price, Rate, Rounding, Terms, Version
from recon.engine.duck import text

#: Past this, sums of three amounts could leave int64: such a line has no fee that can be told, so it never clears.
LARGEST = 10**18
#: Room for any amount up to that times a share of up to 100 %, to six decimals.
_EXACT = "DECIMAL(38, 6)"


def _within(column: str) -> str:
    return f"(case when {column} between -{LARGEST} and {LARGEST} then {column} end)"


#: A line of kind fee is all fee, and the file writes it as the line's amount: -15.00 is charged to us.
CHARGED_FEE = (
    f"(case when fee is null then 0 else {_within('fee')} end "
    f"- case when kind <> 'fee' or settled_amount is null then 0 else {_within('settled_amount')} end)"
)
CHARGED_TAX = f"(case when tax is null then 0 else {_within('tax')} end)"
_BASE = f"abs({_within('settled_amount')})"


def derived_sql(field: str, terms: Sequence[Terms]) -> str:
    """The value of a derived field of a settlement line."""
    nothing = f"case when {CHARGED_FEE} = 0 and {CHARGED_TAX} = 0 then 0 end"
    if field == "charged_fee":
        return CHARGED_FEE
    if field == "charged_tax":
        return CHARGED_TAX
    if field == "expected_fee":
        return f"coalesce({_chosen(terms, _fee)}, {nothing})"
    if field == "expected_tax":
        return f"coalesce({_chosen(terms, _tax)}, {nothing})"
    assert field == "without_terms", field
    return f"case when {derived_sql('expected_fee', terms)} is null then 1 else 0 end"


Value = Callable[[Rate, Rounding], str]


def _chosen(terms: Sequence[Terms], value: Value) -> str:
    """The value under the terms, the version and the rate of a line; NULL where none of them fits."""
    # Terms of one account stand before those of all accounts.
    ordered = sorted(terms, key=lambda each: (each.psp, each.currency, not each.account, each.account))
    cases = [
        f"when {_fits(each)} and business_date >= DATE '{version.starts}' then {_of_version(version, value)}"
        for each in ordered
        for version in each.versions
    ]
    return f"case {' '.join(cases)} end" if cases else "CAST(NULL AS BIGINT)"


def _fits(terms: Terms) -> str:
    account = f" and account = {text(terms.account)}" if terms.account else ""
    return f"psp = {text(terms.psp)} and settled_currency = {text(terms.currency)}{account}"


def _of_version(version: Version, value: Value) -> str:
    """A version that has begun holds, also where it has no rate for the line: an older one never answers for it."""
    cases = [f"when {_takes(rate)} then {value(rate, version.rounding)}" for rate in version.rates]
    return f"(case {' '.join(cases)} end)"


def _takes(rate: Rate) -> str:
    parts = [
        f"{column} in ({', '.join(text(each) for each in listed)})"
        for column, listed in (("kind", rate.kinds), ("kind_raw", rate.kinds_raw))
        if listed
    ]
    return " and ".join(parts) or "true"


def _fee(rate: Rate, rounding: Rounding) -> str:
    if rate.as_charged:
        return CHARGED_FEE
    fee = f"(case {' '.join(_priced(price, rounding) for price in rate.prices)} end)"
    if rate.least is not None:
        fee = f"(case when {fee} < {rate.least} then {rate.least} else {fee} end)"
    if rate.most is not None:
        fee = f"(case when {fee} > {rate.most} then {rate.most} else {fee} end)"
    return fee


def _priced(price: Price, rounding: Rounding) -> str:
    """A price where it holds. The fixed part is whole, so only the share is rounded, and a fixed price needs no amount."""
    if not price.share and price.up_to is None:
        return f"when true then {price.fixed}"
    reaches = "is not null" if price.up_to is None else f"<= {price.up_to}"
    return f"when {_BASE} {reaches} then {_share(_BASE, price.share, rounding)} + {price.fixed}"


def _tax(rate: Rate, rounding: Rounding) -> str:
    """Tax on what was charged: whether that was the right fee is another question."""
    return _share(CHARGED_FEE, rate.tax, rounding)


def _share(amount: str, millionths: int, rounding: Rounding) -> str:
    """A share of a whole amount, as whole minor units. `round` of a DECIMAL is exact, and half goes away from zero."""
    if not millionths:
        return f"(case when {amount} is not null then 0 end)"
    whole, rest = divmod(abs(millionths), MILLIONTHS)
    share = f"CAST('{'-' if millionths < 0 else ''}{whole}.{rest:06d}' AS DECIMAL(7, 6))"
    exact = f"CAST(CAST({amount} AS DECIMAL(19, 0)) * {share} AS {_EXACT})"
    up = f"case when {exact} < 0 then floor({exact}) else ceil({exact}) end"
    down = f"case when {exact} < 0 then ceil({exact}) else floor({exact}) end"
    # A tie is rounded to the whole number above and below that is even: the one that `down` gives, if that is.
    even = f"case when abs({exact} % 1) = 0.5 and ({down}) % 2 = 0 then {down} else round({exact}, 0) end"
    rounded = {
        Rounding.HALF_UP: f"round({exact}, 0)",
        Rounding.HALF_EVEN: even,
        Rounding.UP: up,
        Rounding.DOWN: down,
    }[rounding]
    return f"CAST({rounded} AS BIGINT)"
