"""Money: signed whole numbers of minor units (int64) with an ISO 4217 code beside them.

`read_minor` is the strict reader in its slow, obvious form: it is the specification. The vectorised reader that runs
over millions of rows (recon/engine/amounts.py) must agree with it on every text; tests hold the two together.
Source: ISO 4217 for exponents (never CLDR, which has other fraction digits for some currencies).
"""

from __future__ import annotations

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

_DEFAULT_EXPONENT = 2
_EXPONENTS: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY "
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = {code: exponent for exponent, codes in _EXPONENTS.items() for code in codes.split()}
EXPONENTS.update(dict.fromkeys(_TWO.split(), _DEFAULT_EXPONENT))

_DIGITS = frozenset("0123456789")


def exponent(currency: str) -> int | None:
    """Decimals of the currency's minor unit (KRW 0, USD 2, KWD 3), or None for a code that ISO 4217 does not list."""
    return EXPONENTS.get(currency)


def read_minor(text: str, currency: str, *, decimal: str = ".", thousands: str = "") -> int | None:
    """Read an amount in major units, strictly.

    text       plain ASCII digits, an optional leading "-", the declared decimal mark and, only when declared, the
               declared thousands mark in groups of three. No exponent, no "+", no spaces, no currency sign.
    currency   ISO 4217 code; it decides how many decimals there may be. Zeros past the exponent are exact.
    Returns signed minor units, or None where the text is not such an amount or does not fit int64. Never rounds.
    """
    places = exponent(currency)
    if places is None:
        return None
    return read_scaled(text, places, decimal=decimal, thousands=thousands)


def read_scaled(text: str, places: int, *, decimal: str = ".", thousands: str = "") -> int | None:
    """As `read_minor` for a known number of decimals; `places=0` also reads integers already in minor units."""
    negative = text.startswith("-")
    body = text[1:] if negative else text
    whole, mark, fraction = body.partition(decimal)
    if mark and not fraction:
        return None
    if thousands and thousands in whole:
        groups = whole.split(thousands)
        if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
            return None
        whole = "".join(groups)
    if not whole or not _DIGITS.issuperset(whole) or not _DIGITS.issuperset(fraction):
        return None
    if fraction[places:].strip("0"):
        return None
    minor = int(whole + fraction[:places].ljust(places, "0"))
    minor = -minor if negative else minor
    return minor if INT64_MIN < minor <= INT64_MAX else None


def to_text(minor: int, currency: str) -> str:
    """Minor units as decimal text with "." and all of the currency's decimals: (-1205, "USD") -> "-12.05".

    A currency that ISO 4217 does not list is shown with no decimals; such an amount never gets past ingest.
    """
    places = exponent(currency) or 0
    sign = "-" if minor < 0 else ""
    digits = str(abs(minor)).rjust(places + 1, "0")
    return f"{sign}{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else sign + digits


def from_text(amount: str) -> int:
    """What `to_text` was given: its text always has all of the currency's decimals."""
    return int(amount.replace(".", ""))
