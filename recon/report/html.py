"""HTML: a night's report as one file that needs nothing else, no network, no server, no installed font.

Reads    NightFacts and the templates report.html.j2, report.css, report.js
Writes   report.html, the same bytes for the same facts
Policy   the page's own Content-Security-Policy admits exactly the style and the script that were inlined, by hash;
         data is escaped by Jinja, or carried as JSON that only ever becomes text nodes
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from recon.config.shipped import shipped_templates
from recon.report import view
from recon.report.data import Embedded, embed, script_json, sides_by_name, sides_of
from recon.report.facts import BreakFact, NightFacts
from recon.report.text import ESCAPED, grouped, is_negative, is_zero, long_date, long_date_ko, negated, shown, words
from recon.report.words import Phrases

STATIC_ROWS = 200  # breaks that stand in the page itself, for readers without script and for print


def write_html(facts: NightFacts, path: Path, templates: Sequence[Path] = ()) -> None:
    """Write the report of `facts` to `path`, in UTF-8. `templates`: folders searched before the shipped ones."""
    path.write_text(render_html(facts, templates), encoding="utf-8", newline="\n")


def render_html(facts: NightFacts, templates: Sequence[Path] = ()) -> str:
    """The report as text. Raises jinja2.TemplateError for a wrong template, ValueError for one we can't inline."""
    environment = _environment(tuple(templates))
    style, script = _inlined(environment, "report.css"), _inlined(environment, "report.js")
    phrases = Phrases(json.loads(_source(environment, "ko.json")))
    embedded = embed(facts, phrases=phrases)
    return environment.get_template("report.html.j2").render(
        facts=facts,
        embedded=embedded,
        static=_static(embedded),
        sides=_listed_sides(embedded),
        amounts=_amounts(embedded),
        several=len({name for name, *_ in facts.by_code} | {b.reconciliation for b in embedded.breaks}) > 1,
        tie_out=view.tie_out(facts),
        codes=view.codes(facts),
        ageing=view.ageing(facts),
        money=view.money_by_age(facts),
        open_trend=view.open_trend(facts),
        korean=Markup(script_json(phrases.texts)),
        buckets=view.BUCKETS,
        classes=view.CLASSES,
        roll_forward=view.roll_forward(facts),
        roll_names=(*view.SOURCES_OF_ROLL, *view.USES_OF_ROLL),
        due=view.due(facts),
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )


@lru_cache(8)  # it keeps the templates that it has compiled
def _environment(templates: tuple[Path, ...]) -> Environment:
    folders = [*map(str, templates), str(shipped_templates())]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        shown=marked,
        linked=linked,
        grouped=grouped,
        long_date=long_date,
        long_date_ko=long_date_ko,
        negated=negated,
        groupby_class=view.by_class,
        words=words,
        negative=is_negative,
        zero=is_zero,
    )
    environment.globals.update(t=text_of_page, bi=in_both, label=labelled)
    return environment


_VALUE = re.compile(r"\{(\w+)\}")


def text_of_page(key: str, **values: object) -> Markup:
    """A text of the page in English, and what the script needs to say it in another language.

    Attributes hold plain text only: what came marked up is stripped of its marks there.
    """
    filled = _VALUE.sub(lambda match: str(escape(values.get(match[1], match[0]))), str(escape(key)))
    told = {name: _plain(value) for name, value in values.items()}
    given = Markup(' data-v="{}"').format(json.dumps(told, ensure_ascii=False, separators=(",", ":"))) if told else ""
    return Markup('<span data-t="{}"{}>{}</span>').format(_plain(key), given, Markup(filled))


def _plain(value: object) -> str:
    return value.striptags() if isinstance(value, Markup) else str(value)


def in_both(english: Markup | str, korean: Markup | str) -> Markup:
    """Data that comes in both languages. No Korean: the English stands."""
    if not korean:
        return escape(english)
    return Markup('<span data-ko="{}">{}</span>').format(_plain(korean), english)


def labelled(key: str) -> Markup:
    """The attribute that names an element for those who hear the page."""
    return Markup('aria-label="{}" data-t-label="{}"').format(key, key)


def marked(text: str, limit: int = 1000) -> Markup:
    """`text` as a person may see it, in HTML: what was written out as ⟨U+202E⟩ stands in a marked span."""
    safe = str(escape(shown(text, limit)))
    return Markup(ESCAPED.sub(lambda m: f'<span class="hidden-char">{m[0]}</span>', safe))


def linked(text: str) -> str:
    """`text` as the value of a filter in a link: the page knows it as it is shown."""
    return quote(shown(text), safe="")


def _source(environment: Environment, name: str) -> str:
    return environment.loader.get_source(environment, name)[0] if environment.loader else ""


def _inlined(environment: Environment, name: str) -> str:
    """The text of a style or script file as it stands between its tags."""
    source = _source(environment, name)
    if "</" in source or "<!--" in source:
        raise ValueError(f'{name}: "</" and "<!--" would end the element that it is inlined in')
    return source.replace("\r\n", "\n")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _static(embedded: Embedded) -> tuple[BreakFact, ...]:
    return embedded.breaks[:STATIC_ROWS]


OUTSIDE_AND_OURS = ["Outside", "Ours"]


def _listed_sides(embedded: Embedded) -> list[str]:
    """Sides with a column of their own in the list. More than four would not fit: then what the outside says, and we."""
    sides = sides_of(embedded.breaks)
    return sides if len(sides) <= 4 else OUTSIDE_AND_OURS


def _amounts(embedded: Embedded) -> Callable[[BreakFact], list[str | None]]:
    """What stands in those columns for a break."""
    sides, of = _listed_sides(embedded), sides_by_name(embedded.breaks)
    if sides is not OUTSIDE_AND_OURS:
        return lambda b: [b.amounts.get(side) for side in sides]
    return lambda b: [b.amounts.get(side) for side in (*of[b.reconciliation], "", "")[:2]]
