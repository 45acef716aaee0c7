"""What can't be seen is written out, and amounts keep every digit."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.domain.money import INT64_MAX, INT64_MIN, to_text
from recon.report.text import grouped, is_negative, is_zero, long_date, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("pay\u202egnp.exe", "pay⟨U+202E⟩gnp.exe"),  # right-to-left override
        ("a\u200bb", "a⟨U+200B⟩b"),  # zero-width space
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),  # isolates
        ("A\u00a01", "A⟨U+00A0⟩1"),  # a space that is not one
        ("\ufeffid", "⟨U+FEFF⟩id"),
        ("a\tb\r\n", "a⟨U+0009⟩b⟨U+000D⟩⟨U+000A⟩"),
        ("\x1b[31m", "⟨U+001B⟩[31m"),
        ("\u3164", "⟨U+3164⟩"),  # Hangul filler
        ("\ud800", "⟨U+D800⟩"),  # half a character: no encoding could write it
        ("겨울 코트 · 정가", "겨울 코트 · 정가"),
        ("e\u0301 ﷺ 漢字", "e\u0301 ﷺ 漢字"),
    ],
)
def test_r29_hidden_characters_are_written_out(text: str, seen: str) -> None:
    assert shown(text) == seen


@given(st.text())
def test_nothing_hidden_is_left_and_nothing_visible_is_changed(text: str) -> None:
    seen = shown(text, limit=len(text))
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in seen)
    seen.encode()
    if text.isascii() and text.isprintable():
        assert seen == text


def test_a_cut_is_counted() -> None:
    assert shown("x" * 10_000, limit=500) == "x" * 500 + " … (+9,500 characters)"


@given(st.integers(INT64_MIN, INT64_MAX), st.sampled_from(["KRW", "USD", "KWD"]))
def test_grouping_keeps_every_digit(minor: int, currency: str) -> None:
    text = to_text(minor, currency)
    assert grouped(text).replace(",", "") == text
    assert is_negative(text) == (minor < 0)
    assert is_zero(text) == (minor == 0)


@pytest.mark.parametrize(
    ("amount", "seen"),
    [("1234567", "1,234,567"), ("-1234.50", "-1,234.50"), ("999", "999"), ("1e3", "1e3"), ("=1+1", "=1+1")],
)
def test_amounts_are_grouped_and_other_text_is_left(amount: str, seen: str) -> None:
    assert grouped(amount) == seen


def test_dates_do_not_follow_the_host() -> None:
    assert long_date(date(2026, 11, 19)) == "Thu 19 Nov 2026"
