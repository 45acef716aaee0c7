"""report.html as text: one file, the same bytes, a policy that fits it, data that stays data."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from night_factory import fix_fact, night, with_break

from recon.config.shipped import shipped_templates
from recon.report.data import embed, ordered
from recon.report.facts import NightFacts
from recon.report.html import render_html, write_html

FACTS = night()
FILES = {"report.xlsx", "breaks.csv", "fixes.jsonl", "quarantine.csv", "summary.json", "manifest.json"}


_RENDER = """
import sys
from night_factory import night
from recon.report.html import render_html
sys.stdout.buffer.write(render_html(night()).encode())
"""


class Read(HTMLParser):
    """What a browser would see: elements with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self.raw.append((tag, dict(attributes), ""))

    def handle_data(self, data: str) -> None:
        if self.elements and self.cdata_elem:
            tag, attributes, before = self.raw[-1]
            self.raw[-1] = (tag, attributes, before + data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def details(facts: NightFacts) -> list[dict[str, object]]:
    """Every embedded break's detail, decoded as the page does."""
    decoded: list[dict[str, object]] = []
    for block in embed(facts).blocks[1:]:
        text = gzip.decompress(base64.b64decode(block.text)).decode() if block.encoding == "gzip" else block.text
        decoded.extend(json.loads(text))
    return decoded


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    """In another process, under another hash seed, zone and locale, and whatever order the breaks and fixes came in."""
    breaks, fixes = list(FACTS.breaks), list(FACTS.fixes)
    random.Random(1).shuffle(breaks)
    random.Random(2).shuffle(fixes)
    write_html(replace(FACTS, breaks=tuple(breaks), fixes=tuple(fixes)), tmp_path / "report.html")
    elsewhere = subprocess.run(
        [
            sys.executable,
            "-c",
            _RENDER,
        ],
        env={
            **os.environ,
            "PYTHONHASHSEED": "7",
            "TZ": "Pacific/Apia",
            "LC_ALL": "C",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])]),
        },
        capture_output=True,
        check=True,
    )
    assert elsewhere.stdout == (tmp_path / "report.html").read_bytes()


def test_compressed_blocks_hold_no_time() -> None:
    facts = night(2_000)
    assert embed(facts) == embed(facts)
    packed = base64.b64decode(embed(facts).blocks[0].text)
    assert packed[4:8] == bytes(4)  # the gzip header's time


def test_the_policy_admits_exactly_what_is_inlined() -> None:
    page = Read(render_html(FACTS))
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy") or ""
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    styles = [text for tag, _, text in page.raw if tag == "style"]
    scripts = [text for tag, attributes, text in page.raw if tag == "script" and "type" not in attributes]
    assert len(styles) == len(scripts) == 1

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules["style-src"] == digest(styles[0])
    assert rules["script-src"] == digest(scripts[0])
    assert not [a for _, a in page.elements if "style" in a or any(name.startswith("on") for name in a)]


def test_nothing_points_outside_the_night() -> None:
    page = Read(render_html(FACTS))
    for tag, attributes in page.elements:
        for name in ("href", "src", "action", "data", "poster", "srcset"):
            target = attributes.get(name)
            assert target is None or target.startswith("#") or target == "data:," or target in FILES, (tag, target)
    code = "".join(text for tag, attributes, text in page.raw if "type" not in attributes)
    assert re.findall(r"https?://[^\s\"']+", code) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|localStorage|innerHTML|eval\(", code)


HOSTILE = (
    "</script><script>window.taken=1</script>",
    "<!--<script>",
    "<img src=x onerror=window.taken=1>",
    "{{7*7}}{% raw %}",
    "javascript:window.taken=1",
    "\u202egpj.exe",
    '"><b>',
    "\u2028line",
)


def hostile_night() -> NightFacts:
    """Hostile text in every place where data can reach the page."""
    text = " ".join(HOSTILE)
    first = FACTS.breaks[0]
    record = replace(
        first.records[0],
        file=text,
        source=text,
        record_id=text,
        fields={text: text, "memo": "겨" * 10_000, "amount": text},
    )
    facts = with_break(
        FACTS,
        reconciliation=text,
        key=text,
        code=text,
        psp=text,
        owner=text,
        why=text,
        next_step=text,
        reason=text,
        rule=text,
        state="new",
        class_="investigate",
        currency="<b>",
        difference="<b>1",
        provenance=text,
        tried=(text,),
        records=(record,),
        age_days=99,
        amounts={"psp": "<b>", text: None},
        fix_id="FIX-X",
    )
    fix = replace(
        fix_fact(facts.breaks[0]),
        fix_id="FIX-X",
        memo=text,
        template=text,
        record=text,
        seen={text: text},
        set={text: text},
    )
    return replace(
        facts,
        workspace=text,
        sentence=text,
        reproduce=text,
        fixes=(fix,),
        by_code=((text, "investigate", text, 1, text),),
        inputs=(
            replace(FACTS.inputs[0], name=text, source=text, reason=text, status=text, controls=((text, text, text),)),
        ),
        quarantine=(replace(FACTS.quarantine[0], file=text, found=text, raw=text, expected=text, column=text),),
        rules=(replace(FACTS.rules[0], code=text, why=text, place=text, class_=text),),
        tie_out=(replace(FACTS.tie_out[0], psp=text, currency=text, external=text),),
        ageing=((text, text, 1),),
    )


def test_r28_hostile_text_stays_text() -> None:
    """No element of the page comes from data, and nothing of it is evaluated."""
    plain, hostile = Read(render_html(FACTS)), Read(render_html(hostile_night()))
    known = {tag for tag, _ in plain.elements}
    assert {tag for tag, _ in hostile.elements} <= known
    assert not [a for t, a in hostile.elements if t == "img"]
    assert [a for t, a, _ in hostile.raw if t == "script" and "type" not in a] == [{}]
    assert sum(t == "b" for t, _ in hostile.elements) == sum(t == "b" for t, _ in plain.elements)
    assert "{{7*7}}" in hostile.text
    assert "<img src=x onerror=window.taken=1>" in hostile.text
    assert not [a for _, a in hostile.elements if (a.get("href") or "").startswith("javascript")]


def test_r29_direction_marks_are_written_out_everywhere() -> None:
    page = render_html(hostile_night())
    assert "\u202e" not in page
    assert "⟨U+202E⟩gpj.exe" in "".join(Read(page).words)
    assert "\u202e" not in json.dumps(details(hostile_night()), ensure_ascii=False)


def test_a_10_kb_cell_is_cut_and_says_so() -> None:
    first = details(hostile_night())[0]
    fields = dict(first["records"][0]["fields"])  # type: ignore[index]
    assert fields["memo"] == "겨" * 500 + " … (+9,500 characters)"
    assert len(render_html(hostile_night())) < len(render_html(FACTS)) + 30_000


def test_a_key_that_a_shell_would_run_is_not_in_the_copied_command() -> None:
    for key in ("$(rm -rf ~)", "a b", "x;y", "-rf", "`id`", "a'b", "한글/capture"):
        facts = with_break(FACTS, key=key, age_days=999, class_="investigate", state="new")
        assert details(facts)[0]["explain"] == f"recon explain {facts.breaks[0].break_id}"
    assert details(with_break(FACTS, key="po_1/capture", age_days=999, class_="investigate", state="new"))[0][
        "explain"
    ] == ("recon explain po_1/capture")


def test_the_page_says_the_whole_night() -> None:
    """Verdict, tie-out, codes, ageing, inputs with whole hashes, quarantine, rules and how to get it again."""
    text = Read(render_html(FACTS)).text
    for expected in (
        FACTS.sentence,
        *(b.key for b in FACTS.breaks),
        *(i.sha256 for i in FACTS.inputs),
        *(line.psp for line in FACTS.tie_out),
        *(rule.place for rule in FACTS.rules),
        FACTS.quarantine[0].raw,
        FACTS.config_sha256,
        FACTS.reproduce,
        "Prepared by",
    ):
        assert expected in text, expected


def test_a_line_that_does_not_tie_is_said_at_the_top_and_in_its_line() -> None:
    tied = Read(render_html(FACTS)).text
    assert "Does not tie" not in tied
    line = replace(FACTS.tie_out[0], residual="12.30")
    text = Read(render_html(replace(FACTS, tie_out=(line, *FACTS.tie_out[1:])))).text
    assert "Does not tie 1 of the lines below" in text
    assert "12.30 does not tie" in text
    assert "Ties out" not in text


def test_a_line_without_a_provider_is_not_taken_for_a_total() -> None:
    text = Read(render_html(replace(FACTS, tie_out=(replace(FACTS.tie_out[0], psp=""),)))).text
    assert "no provider USD" in text
    assert "All USD" not in text


def test_a_roll_forward_that_does_not_tie_is_marked() -> None:
    line = replace(FACTS.roll_forward[0], counts={**FACTS.roll_forward[0].counts, "new": 1})
    assert "does not tie" not in Read(render_html(FACTS)).text
    assert "does not tie" in Read(render_html(replace(FACTS, roll_forward=(line,)))).text


def test_totals_never_cross_a_currency() -> None:
    """stripe EUR and adyen EUR add up; there is no line that adds EUR to USD."""
    text = Read(render_html(FACTS)).text
    assert "All EUR" in text
    assert "All USD" not in text


def test_what_the_page_cannot_carry_is_said_with_true_totals() -> None:
    facts = replace(night(30), breaks_open=312_004, breaks_resolved=0)
    text = Read(render_html(facts)).text
    assert "This page carries 30 of 312,004 breaks, the most severe and oldest, and some of every kind." in text
    assert "312,004 open breaks" in text


def test_the_limit_keeps_the_most_severe_and_oldest() -> None:
    facts = night(500)
    kept = embed(facts, limit=50).breaks
    assert len(kept) == 50
    assert {b.class_ for b in kept} == {"investigate"}
    left = [b for b in ordered(facts.breaks)[50:] if b.class_ == "investigate" and b.state != "resolved"]
    assert min(b.age_days for b in kept) >= max(b.age_days for b in left)


def test_amounts_are_carried_as_text_with_every_digit() -> None:
    facts = with_break(
        FACTS, difference="-92233720368547758.08", amounts={"psp": "92233720368547758.07", "ledger": None}
    )
    assert '"-92233720368547758.08"' in embed(facts).blocks[0].text
    assert "-92,233,720,368,547,758.08" in Read(render_html(facts)).text


def test_an_empty_night_has_a_page() -> None:
    text = Read(render_html(night(0))).text
    assert "Reconciled" in text
    assert "No breaks tonight." in text


def test_a_workspace_may_override_a_template_by_name(tmp_path: Path) -> None:
    (tmp_path / "report.css").write_text("body { margin: 1px; }\n", encoding="utf-8")
    page = Read(render_html(FACTS, [tmp_path]))
    assert [text for tag, _, text in page.raw if tag == "style"] == ["body { margin: 1px; }\n"]


def test_a_style_that_would_end_its_element_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.css").write_text("</style><script>", encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.css"):
        render_html(FACTS, [tmp_path])


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [
    *(("text", ground) for ground in ("ground", "surface", "raised", "sunken", "accent-ground", "heat-4")),
    *(("muted", ground) for ground in ("ground", "surface", "raised", "sunken", "accent-ground")),
    *((name, "surface") for name in ("accent", "negative", "good", "bad", "wait", "investigate")),
    *((name, f"{name}-ground") for name in ("investigate", "manual_review", "auto_fix", "differs")),
    *((name, "accent-ground") for name in ("accent", "negative")),
    *((name, "sunken") for name in ("accent", "negative")),
    ("text", "manual_review-ground"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("pair", PAIRS, ids="-on-".join)
def test_text_has_contrast_on_its_ground(theme: str, pair: tuple[str, str]) -> None:
    """WCAG AA: 4.5 to 1, in both themes."""
    css = (shipped_templates() / "report.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))
        for part in css.split("* { box-sizing", 1)[0].split("@media")
    )
    tokens = light if theme == "light" else dark
    first, second = sorted((_luminance(tokens[name]) for name in pair), reverse=True)
    assert (first + 0.05) / (second + 0.05) >= 4.5
