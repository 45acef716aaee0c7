"""Amounts: the strict reader of `recon.domain.money` as SQL, for millions of rows.

Comes in   a SQL expression with an amount as text, and one with its ISO 4217 code (or its number of decimals)
Goes out   a SQL expression: signed minor units as BIGINT, or NULL where `money.read_minor` says None
Never      a float, a rounded amount, or a cast alone as a check: it takes 1e3, 1_000 and 12.345

Three branches give the same answer, the quicker ones first. A text that is what an exact decimal (or a whole number) of
its currency prints is an amount, and that number is its value: so are nearly all. Up to 10 digits before and 4 after the
mark, proved by a pattern, are an exact DECIMAL(18,4). The rest (leading zeros, many zeros past the exponent, up to 2^63)
is put together digit by digit. The expressions given are repeated in the result: pass column names, not long expressions.
"""

from __future__ import annotations

from collections.abc import Mapping

from recon.domain.money import EXPONENTS

_LOWEST = "(-9223372036854775807 - 1)"  # fits BIGINT, but its negation does not: not an amount


def places_sql(currency: str, money: str = "major") -> str:
    """Decimals to read an amount with, for the ISO 4217 code in SQL expression `currency`; NULL for an unknown code.

    money   "major" reads 12.34; "minor" reads whole numbers that are minor units already: 0 for every known code
    """
    by_places: dict[int, list[str]] = {}
    for code, exponent in EXPONENTS.items():
        by_places.setdefault(exponent if money == "major" else 0, []).append(code)
    # Most currencies have two decimals: ask for those first. A pattern and not IN (...): DuckDB makes a join of a long
    # list, and a join does not keep the rows in the file's order.
    order = sorted(by_places, key=lambda exponent: -len(by_places[exponent]))
    cases = " ".join(
        f"WHEN regexp_full_match({currency}, '{'|'.join(sorted(by_places[exponent]))}') THEN {exponent}"
        for exponent in order
    )
    # The commonest codes are compared first: a pattern of all codes costs four times as much.
    common = " ".join(
        f"WHEN {currency} = '{code}' THEN {EXPONENTS[code] if money == 'major' else 0}"
        for code in ("USD", "EUR", "KRW", "JPY")
    )
    return f"CASE {common} {cases} END"


def read_minor_sql(text: str, currency: str, decimal: str = ".", thousands: str = "", money: str = "major") -> str:
    """`money.read_minor` as SQL: BIGINT minor units, NULL where the text is no such amount or the code is unknown."""
    return read_scaled_sql(text, f"({places_sql(currency, money)})", decimal, thousands)


def read_scaled_sql(text: str, places: str, decimal: str = ".", thousands: str = "") -> str:
    """`money.read_scaled` as SQL, for a SQL expression with the number of decimals (0, 2, 3 or 4, or NULL)."""
    plain = text
    if thousands:
        plain = f"replace({plain}, {_literal(thousands)}, '')"
    if decimal != ".":
        plain = f"replace({plain}, {_literal(decimal)}, '.')"
    whole = "[0-9]{1,10}" if not thousands else f"(?:[0-9]{{1,10}}|{_grouped(thousands, 2)})"
    short = _literal(f"-?{whole}(?:{_mark(decimal)}[0-9]{{1,4}})?")
    whole = "[0-9]+" if not thousands else f"(?:[0-9]+|{_grouped(thousands, None)})"
    any_length = _literal(f"-?{whole}(?:{_mark(decimal)}[0-9]+)?")
    printed = _as_printed(text, places) if decimal == "." else ""
    return (
        f"CASE {printed}WHEN regexp_full_match({text}, {short}) THEN {_by_decimal(plain, places)} "
        f"WHEN regexp_full_match({text}, {any_length}) THEN {_by_digits(plain, places)} END"
    )


def whole_sql(text: str, decimal: str = ".") -> str:
    """The text with the 0 that an amount written as .11 or -.11 leaves out; any other text as it is."""
    mark = _literal(decimal)
    return (
        f"CASE WHEN starts_with({text}, {mark}) THEN '0' || {text} "
        f"WHEN starts_with({text}, '-' || {mark}) THEN '-0' || substr({text}, 2) ELSE {text} END"
    )


def rescaled_sql(minor: str, currency: str, decimals: Mapping[str, int]) -> str:
    """Whole numbers whose decimals are the provider's own for some currencies, as minor units of ISO 4217.

    decimals   currency -> decimals that the whole number has. NULL where that is no whole number of minor units.
    """
    cases = []
    for code, given in sorted(decimals.items()):
        step = 10 ** abs(EXPONENTS[code] - given)
        if EXPONENTS[code] >= given:
            value = f"try_cast({minor} * CAST({step} AS HUGEINT) AS BIGINT)"
        else:
            value = f"CASE WHEN {minor} % {step} = 0 THEN {minor} // {step} END"
        cases.append(f"WHEN {currency} = '{code}' THEN {value}")
    return f"CASE {' '.join(cases)} ELSE {minor} END" if cases else minor


def _as_printed(text: str, places: str) -> str:
    """For the commonest exponents. DECIMAL(15,2) times 100 is a DECIMAL(18,2), which is an int64 still."""
    number, whole = f"try_cast({text} AS DECIMAL(15, 2))", f"try_cast({text} AS BIGINT)"
    return (
        f"WHEN {places} = 2 AND CAST({number} AS VARCHAR) = {text} THEN CAST({number} * 100 AS BIGINT) "
        f"WHEN {places} = 0 AND CAST({whole} AS VARCHAR) = {text} THEN nullif({whole}, {_LOWEST}) "
    )


def _by_decimal(plain: str, places: str) -> str:
    """Exact for up to 10 digits before and 4 after the point: DECIMAL(18,4) neither rounds nor overflows."""
    number = f"CAST({plain} AS DECIMAL(18, 4))"
    cases = " ".join(
        f"WHEN {places} = {n} AND {number} % {step} = 0 THEN CAST({number} * {10**n} AS BIGINT)"
        for n, step in ((2, "0.01"), (0, "1"), (3, "0.001"))
    )
    return f"CASE {cases} WHEN {places} = 4 THEN CAST({number} * 10000 AS BIGINT) END"


def _by_digits(plain: str, places: str) -> str:
    """Any length: digits past the exponent must be zeros, and what is left must fit an int64."""
    fraction = f"CASE WHEN position('.' IN {plain}) = 0 THEN '' ELSE substr({plain}, position('.' IN {plain}) + 1) END"
    whole = (
        f"CASE WHEN position('.' IN {plain}) = 0 THEN {plain} ELSE substr({plain}, 1, position('.' IN {plain}) - 1) END"
    )
    digits = f"ltrim(replace({whole}, '-', ''), '0') || rpad(substr({fraction}, 1, {places}), {places}, '0')"
    sign = f"CASE WHEN {plain} LIKE '-%' THEN '-0' ELSE '0' END"
    return (
        f"CASE WHEN rtrim(substr({fraction}, {places} + 1), '0') = '' "
        f"THEN nullif(try_cast({sign} || {digits} AS BIGINT), {_LOWEST}) END"
    )


def _grouped(thousands: str, groups: int | None) -> str:
    return f"[0-9]{{1,3}}(?:{_mark(thousands)}[0-9]{{3}}){{1,{'' if groups is None else groups}}}"


def _mark(mark: str) -> str:
    """A decimal or thousands mark in a pattern, whatever character it is."""
    return f"\\x{{{ord(mark):x}}}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
