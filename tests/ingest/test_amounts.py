"""The vectorised amount reader agrees with the slow, obvious one on every text."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.domain import money
from recon.engine.amounts import read_minor_sql, rescaled_sql

#: Texts that a lenient reader takes, damages or rounds; R1 to R13 of the bad-input list.
_LISTED = (
    "0 -0 -0.00 +5 5 -5 5. .5 . - -- 1-  5.00- 1,000.00 1.000,00 1'000 1_000 1e3 1E3 1.5e2 0x1F 12.345 1.005 1.999 "
    "1.10 "
    "1.1000 1.10000 1.100000000000000000000 1.00000000000001 00012.30 0000000000000000000000000000000012.30 "
    "9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775807 92233720368547758.07 "
    "92233720368547758.08 -92233720368547758.08 -92233720368547758.07 99999999999999 99999999999999.99 "
    "999999999999999.99 "
    "99999999999999.9999 -99999999999999.9999 922337203685477.5807 9223372036854775.807 NaN nan "
    "Infinity -inf sNaN N/A null "
    "１２３ ١٢٣ −5 –5 1 000 12\n \n12 12\r 12\x00 1.234.567,89 1.234,5 12.34,56 1,234,567.89 12,34,567 ,123 123, 1,23 "
    "1,234 1,2345 0,001 1.. 1..2 1.2.3 ₩1000 5KRW (5.00) 5.00CR ½ ² ১২ 1٫5 1٬000 -1,234.50 -,5 --5 -.5 000,000 0.0000"
).split(" ")
NASTY = [
    *_LISTED,
    "",
    " ",
    " 12",
    "12 ",
    "1 000,00",
    "1\u00a0000,00",
    "12\u2028",
    "\ufeff12",
    "9" * 400,
    "0" * 400,
    "1" + "0" * 30,
]
CURRENCIES = ["KRW", "USD", "KWD", "CLF", "JPY", "EUR", "usd", "XXX", "", "US", "USDT"]
MARKS = [(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (",", "\u00a0"), (".", "'"), (",", "]"), (".", "^")]

AMOUNTS = st.one_of(
    st.from_regex(r"-?[0-9]{1,22}([.,][0-9]{0,8})?", fullmatch=True),
    st.from_regex(r"-?[0-9]{1,4}([.,' \u00a0][0-9]{2,4}){0,4}([.,][0-9]{0,6})?0*", fullmatch=True),
    st.integers(-(2**64), 2**64).map(str),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.text(alphabet="0123456789-+.,'eE_ \u00a0\u0661\uff11\n\r", max_size=12),
    st.text(max_size=8),
    st.sampled_from(NASTY),
)


SHARED = duckdb.connect()


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return SHARED


def read(
    connection: duckdb.DuckDBPyConnection, pairs: list[tuple[str, str]], decimal: str, thousands: str, unit: str
) -> list[int | None]:
    sql = read_minor_sql("t", "c", decimal, thousands, unit)
    texts, codes = [text for text, _ in pairs], [code for _, code in pairs]
    query = f"SELECT {sql} FROM (SELECT unnest($texts::VARCHAR[]) AS t, unnest($codes::VARCHAR[]) AS c)"
    return [value for (value,) in connection.execute(query, {"texts": texts, "codes": codes}).fetchall()]


def expect(text: str, code: str, decimal: str, thousands: str, unit: str) -> int | None:
    if unit == "major":
        return money.read_minor(text, code, decimal=decimal, thousands=thousands)
    return None if code not in money.EXPONENTS else money.read_scaled(text, 0, decimal=decimal, thousands=thousands)


@pytest.mark.parametrize("unit", ["major", "minor"])
@pytest.mark.parametrize(("decimal", "thousands"), MARKS)
def test_agrees_on_every_nasty_text(
    connection: duckdb.DuckDBPyConnection, decimal: str, thousands: str, unit: str
) -> None:
    pairs = [(text, code) for text in NASTY for code in CURRENCIES]
    found = read(connection, pairs, decimal, thousands, unit)
    wanted = [expect(text, code, decimal, thousands, unit) for text, code in pairs]
    assert [(p, f, w) for p, f, w in zip(pairs, found, wanted, strict=True) if f != w] == []
    assert sum(value is not None for value in wanted) > 20  # the list is not only refusals


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(AMOUNTS, st.sampled_from(CURRENCIES)), min_size=1, max_size=60),
    st.sampled_from(MARKS),
    st.sampled_from(["major", "minor"]),
)
def test_agrees_with_the_slow_reader(pairs: list[tuple[str, str]], marks: tuple[str, str], unit: str) -> None:
    pairs = [
        (text.replace("\x00", "0"), code) for text, code in pairs if not any("\ud800" <= c <= "\udfff" for c in text)
    ]
    found = read(SHARED, pairs, *marks, unit)
    assert found == [expect(text, code, *marks, unit) for text, code in pairs]


def test_every_listed_currency_reads_with_its_own_decimals(connection: duckdb.DuckDBPyConnection) -> None:
    pairs = [("7.0000", code) for code in money.EXPONENTS]
    assert read(connection, pairs, ".", "", "major") == [7 * 10**places for places in money.EXPONENTS.values()]


@given(st.sampled_from(["ISK", "UGX", "MGA", "KRW", "EUR"]), st.integers(-(10**14), 10**14))
def test_whole_numbers_with_decimals_of_their_own_become_minor_units_or_nothing(currency: str, number: int) -> None:
    """ISK and UGX with two decimals (ISO 4217: none), MGA with none (ISO 4217: two); the others as they are."""

    decimals = {"ISK": 2, "UGX": 2, "MGA": 0}
    sql = rescaled_sql(f"CAST({number} AS BIGINT)", f"'{currency}'", decimals)
    [(found,)] = duckdb.sql(f"SELECT {sql}").fetchall()
    expected = {
        "MGA": number * 100,
        "ISK": number // 100 if number % 100 == 0 else None,
        "UGX": number // 100 if number % 100 == 0 else None,
    }
    assert found == expected.get(currency, number)
