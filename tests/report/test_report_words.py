"""The page's two languages: nothing that the page says lacks its Korean, and what differs from case to case survives."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.config.rule_file import load_reconciliation
from recon.config.shipped import shipped_rules, shipped_templates
from recon.domain.rulebook import BreakRule, Must
from recon.report.words import Phrases, translated

TEMPLATES = shipped_templates()
KOREAN: dict[str, str] = json.loads((TEMPLATES / "ko.json").read_text(encoding="utf-8"))
HANGUL = re.compile("[가-힣]")
#: Said alike in both languages.
SAME = {"PSP"}
_STRING = r'"((?:[^"\\]|\\.)*)"'


def said() -> set[str]:
    """Every text that templates and script hand to `t`, `head`, `label` or `status`, or set by attribute."""
    markup = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.html.j2", "macros.html.j2"))
    markup = re.sub(r"\{#.*?#\}", "", markup, flags=re.DOTALL)
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    found = set(re.findall(rf"\b(?:t|head|label)\({_STRING}", markup))
    found |= set(re.findall(rf'status\("\w+", {_STRING}', markup))
    found |= set(re.findall(rf"data-t-placeholder={_STRING}", markup))
    found |= set(re.findall(rf"\bt\({_STRING}", script))
    for chosen in re.findall(r"\bt\(([^\"()]*\?[^()]*)\)", script):
        found |= set(re.findall(_STRING, re.sub(r", \{.*", "", chosen)))
    return {text.encode().decode("unicode_escape") if "\\u" in text else text for text in found} - {"journal", "update"}


def rules() -> list[tuple[str, BreakRule | Must]]:
    """Every rule that ships, with its file's name."""
    found: list[tuple[str, BreakRule | Must]] = []
    for path in sorted(Path(shipped_rules()).glob("*.yaml")):
        rule = load_reconciliation(path)
        found += [(path.name, each) for each in (*rule.breaks, *rule.musts)]
    return found


def test_every_text_of_the_page_has_its_korean() -> None:
    texts = said()
    assert len(texts) > 180
    assert sorted(texts - KOREAN.keys()) == []
    assert (
        sorted(key for key, text in KOREAN.items() if not HANGUL.search(text) and key not in SAME | {" of {n}"}) == []
    )


@pytest.mark.parametrize("key", [key for key in KOREAN if "{" in key])
def test_korean_names_what_the_english_names(key: str) -> None:
    assert sorted(re.findall(r"\{(\w+)\}", KOREAN[key])) == sorted(re.findall(r"\{(\w+)\}", key))


def test_the_rules_of_customer_payments_speak_korean() -> None:
    """Other rule files may still lack it, and their English stands; which, is said as a warning."""
    lacking = [f"{name}: {each.code}" for name, each in rules() if not (each.why_ko and each.next_step_ko)]
    assert [each for each in lacking if each.startswith("payin.yaml")] == []
    if lacking:
        warnings.warn(f"no Korean yet: {', '.join(lacking)}", stacklevel=1)


def test_what_a_rule_names_comes_back_in_its_korean() -> None:
    for _, each in rules():
        for english, korean in ((each.why, each.why_ko), (each.next_step, each.next_step_ko)):
            filled = re.sub(r"\{[^}]+\}", "toss-kr", english)
            told = translated(english, korean, filled)
            assert bool(told) == bool(korean), each.code
            assert "{" not in told
            assert told.count("toss-kr") == len(re.findall(r"\{[^}]+\}", korean))


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_filled_in_stays_as_it_was(psp: str, key: str) -> None:
    template, korean = "Ask {psp.psp} about {key}.", "{key}: {psp.psp}에 문의하세요."
    told = translated(template, korean, f"Ask {psp} about {key}.")
    if " about " not in psp:
        assert told == f"{key}: {psp}에 문의하세요."


def test_a_text_that_is_not_the_rules_any_more_stays_english() -> None:
    assert translated("Ask {psp}.", "{psp}에 문의하세요.", "Call stripe.") == ""
    assert Phrases(KOREAN).ko("something nobody translated") == "something nobody translated"


def test_reasons_that_are_joined_are_translated_one_by_one() -> None:
    told = Phrases(KOREAN).ko("closed on 2026-10-08: joined another break; above the limit of 300.00 USD")
    assert "2026-10-08" in told
    assert "300.00 USD" in told
    assert "joined" not in told
