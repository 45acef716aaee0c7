"""Rule files: one reconciliation per YAML file, read into a frozen `Reconciliation` (docs/rules.md).

Comes in   a file
Goes out   the reconciliation with every name, type, limit and balance proved, or all problems at once
Never      guesses: an unknown name is refused with the nearest known one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from recon.config import reader
from recon.config.balance import unbalanced
from recon.config.cases import parse_case
from recon.config.models import NAME, FixModel, MessageModel, MustModel, PassModel, RuleFile, RuleModel
from recon.config.spaces import GROUP, kind_space, record_space, rule_space
from recon.config.validate import validate
from recon.config.yaml_file import Document, Key, parse_document, read_text
from recon.domain.records import KINDS, RECORD_TYPES, Type
from recon.domain.rulebook import (
    BreakRule,
    Case,
    Class,
    Difference,
    Due,
    Exclude,
    Expr,
    FixTemplate,
    Must,
    Pass,
    Posting,
    Reconciliation,
    Side,
    Wait,
)
from recon.engine.expressions import to_sql
from recon.errors import ConfigError, Place, Problem

#: Names that a template may show beside those that a rule may read.
MOST = 16  # what recon/match/subsets.py holds at once
TEMPLATE_NAMES = ("code", "key", "night")
#: Codes that the tool itself gives.
RESERVED_CODES = ("unexplained",)


def load_reconciliation(path: Path, label: str = "") -> Reconciliation:
    """The reconciliation of a rule file. Raises ConfigError with every problem; warnings pass."""
    reconciliation, problems = read_reconciliation(path, label)
    errors = [problem for problem in problems if problem.severity == "error"]
    if reconciliation is None or errors:
        raise ConfigError(errors)
    return reconciliation


def read_reconciliation(path: Path, label: str = "") -> tuple[Reconciliation | None, list[Problem]]:
    """As `load_reconciliation`, but hands back the problems, warnings among them.

    label   how messages and reports name the file; its file name when empty
    """
    label = label or path.name
    data = read_text(path, label)
    if isinstance(data, Document):
        return parse_reconciliation(data)
    reconciliation, problems = _of_bytes(data, label)
    return reconciliation, list(problems)


@lru_cache(32)  # a rule file takes half a second to read, and the nights of one process read the same ones
def _of_bytes(data: bytes, label: str) -> tuple[Reconciliation | None, tuple[Problem, ...]]:
    reconciliation, problems = parse_reconciliation(parse_document(data, label))
    return reconciliation, tuple(problems)


def parse_reconciliation(document: Document) -> tuple[Reconciliation | None, list[Problem]]:
    """As `read_reconciliation`, from a document that is read already."""
    if document.root.entries == {}:
        return None, document.problems or [Problem(Place(document.label), "the file is empty", "see docs/rules.md")]
    model = validate(RuleFile, document, droppable=("breaks", "excludes", "match"))
    reconciliation = _Reader(document, model).read() if model is not None else None
    return reconciliation, sorted(document.problems, key=lambda problem: (problem.place.line, problem.place.column))


class _Reader:
    """Turns one validated file into a reconciliation; notes what is wrong in the document."""

    def __init__(self, document: Document, model: RuleFile) -> None:
        self.document, self.model = document, model
        self.records = {name: side.record for name, side in model.sides.items() if side.record in RECORD_TYPES}
        self.space = rule_space(self.records)
        self.shown = (*self.space, *TEMPLATE_NAMES)

    def read(self) -> Reconciliation:
        model, document = self.model, self.document
        sides = self._sides()
        passes = self._passes()
        agree = tuple(self._rule(text, "agree", at) for at, text in enumerate(model.agree))
        if not agree:
            document.error("agree is empty: everything would clear", "say what has to be equal", "agree")
        fixes = {name: self._fix(name, fix) for name, fix in model.fixes.items()}
        breaks = tuple(self._break(at, rule, fixes) for at, rule in enumerate(model.breaks))
        self._lint(breaks, fixes)
        lifecycle = model.lifecycle
        given = model.brake
        brake = reader.brake(document, given.fixes, given.share_percent, given.amount) if given else None
        return Reconciliation(
            model.reconciliation,
            model.title,
            document.root.place,
            sides,
            passes,
            agree,
            self._due(),
            breaks,
            excludes=self._excludes(),
            lifecycle_by=self._lifecycle_by() if lifecycle else None,
            musts=self._musts(breaks),
            grace_minutes=model.grace,
            fixes=fixes,
            brake=brake,
            sha256=document.sha256,
            waits=self._waits(),
            difference=self._difference(),
        )

    def _rule(self, text: str, *path: Key, want: str = "boolean") -> Expr:
        return reader.expression(self.document, text, self.space, *path, sides=tuple(self.model.sides), want=want)

    def _text(self, text: str, *path: Key) -> str:
        return reader.template(self.document, text, self.shown, *path)

    def _sides(self) -> tuple[Side, ...]:
        if not self.model.sides:
            self.document.error("sides is empty", "name at least one side", "sides")
        sides = []
        for name, model in self.model.sides.items():
            path = ("sides", name)
            if not re.fullmatch(NAME, name):
                self.document.error(f"{name} is not a name", "lower case letters, digits and _", *path, key=True)
            if name in GROUP:
                self.document.error(
                    f"{name} has another meaning in rules", "give the side another name", *path, key=True
                )
            if not reader.known(self.document, model.record, RECORD_TYPES, "a record vocabulary", *path, "record"):
                continue
            for at, kind in enumerate(model.kinds):
                legal = RECORD_TYPES[model.record].kinds or KINDS
                reader.known(self.document, kind, legal, "a kind", *path, "kinds", at)
            if self.by_kind and RECORD_TYPES[model.record].field("kind") is None and len(model.kinds) != 1:
                message = f"{model.record} has no kind of its own, so the side has to name the one that it speaks of"
                self.document.error(message, "add kinds: [capture]", *path, "kinds")
            space = record_space(model.record)
            where = reader.expression(self.document, model.where, space, *path, "where") if model.where else None
            claims = reader.expression(self.document, model.claims, space, *path, "claims") if model.claims else None
            sides.append(
                Side(
                    name,
                    model.record,
                    where,
                    tuple(model.kinds),
                    claims,
                    optional=model.optional,
                    onlooker=model.onlooker,
                )
            )
        if sides and all(side.optional for side in sides):
            self.document.error("every side is optional", "a group needs one that has to be there", "sides")
        return tuple(sides)

    @property
    def by_kind(self) -> bool:
        return bool(self.model.match) and "kind" in self.model.match[0].on

    def _excludes(self) -> tuple[Exclude, ...]:
        excludes = []
        for at, model in enumerate(self.model.excludes):
            path = ("excludes", at)
            if reader.known(self.document, model.record, RECORD_TYPES, "a record vocabulary", *path, "record"):
                space = record_space(model.record)
                where = reader.expression(self.document, model.where, space, *path, "where")
                excludes.append(Exclude(model.record, where, model.why))
        return tuple(excludes)

    def _passes(self) -> tuple[Pass, ...]:
        """The first pass makes the groups: exact, and its fields known to every side."""
        if not self.model.match:
            self.document.error("match is empty", "name the fields that make a group", "match")
        seen: set[str] = set()
        for at, model in enumerate(self.model.match):
            if model.name in seen:
                self.document.error(f"there is a pass {model.name} already", "rename one", "match", at, "name")
            seen.add(model.name)
            if not model.on:
                self.document.error("on is empty", "name the fields that have to be equal", "match", at, "on")
            for number, field in enumerate(model.on):
                self._pass_field(field, at == 0, "match", at, "on", number)
            if model.suggest and (at == 0 or model.within_days is None or not model.unique):
                message = "a pass that suggests comes after the first, with within_days and unique: true"
                self.document.error(message, "it never guesses between two", "match", at)
            elif at == 0 and (model.unique or model.within_days is not None or model.texts or model.sums):
                self.document.error(
                    "the first pass makes the groups, by equal fields alone", "a pass of its own", "match", at
                )
            elif not model.suggest and (model.within_days is not None) != (model.unique or bool(model.sums)):
                message = "within_days belongs to a pass that is unique, or adds up"
                self.document.error(message, "give unique: true as well, or remove it", "match", at)
            self._ways(model, at)
        return tuple(self._pass(model) for model in self.model.match)

    def _pass(self, model: PassModel) -> Pass:
        texts = tuple((side, field) for side, _, field in (each.partition(".") for each in model.texts))
        return Pass(
            model.name,
            tuple(model.on),
            model.within_days,
            model.unique,
            model.suggest,
            texts,
            tuple(model.sums),
            tuple(model.opposite),
            model.most,
        )

    def _ways(self, model: PassModel, at: int) -> None:
        """What a pass says beside equal fields: texts to look in, sides to add up, sides of the other sign."""
        for number, each in enumerate(model.texts):
            texts = [
                f"{side}.{field.name}"
                for side, record in self.records.items()
                for field in RECORD_TYPES[record].fields
                if field.type in (Type.TEXT, Type.KEY)
            ]
            reader.known(self.document, each, texts, "a text of a side", "match", at, "texts", number)
        if model.texts and (len(model.on) != 1 or model.unique or model.sums):
            message = "a reference is looked for in texts: one field in on, and nothing else"
            self.document.error(message, "as {on: [payout_id], texts: [bank.remittance]}", "match", at, "texts")
        for key, sides in (("sums", model.sums), ("opposite", model.opposite)):
            for number, side in enumerate(sides):
                reader.known(self.document, side, self.model.sides, "a side", "match", at, key, number)
        if model.sums and (len(set(model.sums)) != 2 or model.on != ["currency"] or model.suggest or model.unique):
            message = "sums are of two sides, on: [currency], and neither suggest nor unique"
            self.document.error(
                message, "as {on: [currency], sums: [payout, bank], within_days: 3}", "match", at, "sums"
            )
        if model.most < 2 or model.most > MOST:
            self.document.error(f"most is {model.most}", f"2 to {MOST}", "match", at, "most")
        if model.opposite and not (model.sums or model.unique):
            self.document.error(
                "opposite belongs to a pass that compares amounts", "remove it", "match", at, "opposite"
            )

    def _pass_field(self, field: str, everywhere: bool, *path: Key) -> None:
        """A field of a pass: of every side in the first, which makes the groups; later, of the sides that it is to unite."""
        lacking = [each for each in self.records.items() if field not in (*RECORD_TYPES[each[1]].names, "kind")]
        if lacking and (everywhere or len(self.records) - len(lacking) < 2):
            side, record = lacking[0]
            names = {*RECORD_TYPES[record].names, "kind"}
            reader.known(self.document, field, names, f"a field of {record} (side {side})", *path)
            found = RECORD_TYPES[record].field(field)
            if path[1:3] == (0, "on") and found and found.type not in (Type.TEXT, Type.KEY, Type.CURRENCY):
                self.document.error(f"{field} is {found.type}: no key", "a field that identifies something", *path)
                return

    def _due(self) -> tuple[Due, ...]:
        dues = []
        for side, model in self.model.due.items():
            reader.known(self.document, side, self.model.sides, "a side", "due", side, key=True)
            for at, after in enumerate(model.after):
                others = [name for name in self.model.sides if name != side]
                reader.known(self.document, after, others, "another side", "due", side, "after", at)
            dues.append(Due(side, model.business_days, tuple(model.after)))
        return tuple(dues)

    def _waits(self) -> tuple[Wait, ...]:
        waits = []
        for at, model in enumerate(self.model.waits):
            path = ("waits", at)
            for number, side in enumerate(model.after):
                reader.known(self.document, side, self.model.sides, "a side", *path, "after", number)
            if (model.business_days is None) != (not model.after):
                message = "business_days and after belong together"
                self.document.error(message, "give both, or neither", *path)
            condition = self._rule(model.while_, *path, "while")
            waits.append(Wait(model.why, condition, model.business_days, tuple(model.after)))
        return tuple(waits)

    def _difference(self) -> Difference | None:
        given = self.model.difference
        if given is None:
            return None
        amount = self._rule(given.amount, "difference", "amount", want="money")
        return Difference(amount, self._rule(given.currency, "difference", "currency", want="text"))

    def _lifecycle_by(self) -> str:
        lifecycle = self.model.lifecycle
        assert lifecycle is not None  # the caller looked
        self._pass_field(lifecycle.by, True, "lifecycle", "by")
        first = self.model.match[0].on if self.model.match else []
        if lifecycle.by not in first:
            self.document.error(
                f"{lifecycle.by} is not a field of the first pass", f"one of: {', '.join(first)}", "lifecycle", "by"
            )
        return lifecycle.by

    def _musts(self, breaks: tuple[BreakRule, ...]) -> tuple[Must, ...]:
        """Musts speak of kinds only: they are judged for a payment, not for a group."""
        musts, codes = [], {rule.code for rule in breaks} | set(RESERVED_CODES)
        for at, model in enumerate(self.model.lifecycle.must if self.model.lifecycle else ()):
            path = ("lifecycle", "must", at)
            holds = reader.expression(self.document, model.holds, kind_space(self.model.sides), *path, "holds")
            if model.code in codes:
                self.document.error(f"the code {model.code} is taken", "a code has one meaning", *path, "else")
            codes.add(model.code)
            why, next_step = self._text(model.why, *path, "why"), self._text(model.next_step, *path, "next_step")
            musts.append(Must(holds, model.code, Class(model.class_), why, next_step, *self._korean(model, *path)))
        return tuple(musts)

    def _break(self, at: int, model: RuleModel, fixes: dict[str, FixTemplate]) -> BreakRule:
        path = ("breaks", at)
        if model.code in RESERVED_CODES:
            self.document.error(f"the code {model.code} is the tool's own", "rename it", *path, "code")
        if model.fix is not None:
            reader.known(self.document, model.fix, fixes, "a fix of this file", *path, "fix")
        limit = reader.amounts(self.document, model.limit, *path, "limit")
        self._auto_fix(model, *path)
        return BreakRule(
            model.code,
            self._rule(model.when, *path, "when"),
            Class(model.class_),
            self._text(model.why, *path, "why"),
            self._text(model.next_step, *path, "next_step"),
            self.document.place(*path),
            fix=model.fix,
            proven=self._rule(model.proven, *path, "proven") if model.proven is not None else None,
            limit=limit,
            deadline_days=model.deadline,
            auto_approve=model.auto_approve,
            owner=model.owner,
            fires_on=self._cases(model.fires_on, *path, "fires_on"),
            silent_on=self._cases(model.silent_on, *path, "silent_on"),
            stops_fixes=model.stops_fixes,
            **dict(zip(("why_ko", "next_step_ko"), self._korean(model, *path), strict=True)),
        )

    def _korean(self, model: RuleModel | MustModel, *path: Key) -> tuple[str, str]:
        """The Korean texts. What they name is taken from the English ones, so each may only name what those name."""
        texts = ("why", model.why, model.why_ko), ("next_step", model.next_step, model.next_step_ko)
        why, next_step = (
            reader.template(self.document, korean, reader.placeholders(english), *path, f"{name}_ko")
            for name, english, korean in texts
        )
        return why, next_step

    def _auto_fix(self, model: RuleModel, *path: Key) -> None:
        """An automatic fix needs a correction and a cap per currency; other classes have neither cap nor proof."""
        if model.class_ == "auto_fix":
            if model.fix is None:
                self.document.error(f"{model.code} is auto_fix without a fix", "add fix: NAME", *path)
            if not model.limit and not self._of_goods(model.fix):
                self.document.error(f"{model.code} is auto_fix without a limit", "add limit: {KRW: 1000000}", *path)
        elif model.limit or model.proven is not None:
            what = "limit" if model.limit else "proven"
            self.document.error(f"{what} belongs to auto_fix", "remove it, or change the class", *path, what, key=True)

    def _of_goods(self, fix: str | None) -> bool:
        """Whether the correction changes a record without money: there is nothing to hold a limit against."""
        found = self.model.fixes.get(fix or "")
        record = RECORD_TYPES.get(self.records.get(found.update.side, "") if found and found.update else "")
        return record is not None and not record.has_money

    def _cases(self, given: list[dict[str, str]], *path: Key) -> tuple[Case, ...]:
        sides = tuple(self.model.sides)
        return tuple(parse_case(self.document, facts, self.space, sides, *path, at) for at, facts in enumerate(given))

    def _fix(self, name: str, model: FixModel) -> FixTemplate:
        path = ("fixes", name)
        if sum(part is not None for part in (model.journal, model.update, model.message)) != 1:
            self.document.error(f"{name} needs either journal, update or message", "give exactly one", *path)
            return FixTemplate(name)
        if model.update is not None:
            return self._update(name, model)
        if model.message is not None:
            return self._message(name, model.message)
        assert model.journal is not None  # exactly one of the two
        memo = self._text(model.journal.memo, *path, "journal", "memo")
        before = len(self.document.problems)
        postings = []
        for at, given in enumerate(model.journal.postings):
            where = (*path, "journal", "postings", at)
            amount = self._rule(given.amount, *where, "amount", want="money")
            currency = self._rule(given.currency, *where, "currency", want="text")
            postings.append(Posting(given.account, amount, currency))
        if model.journal.kind is None and not self.by_kind:
            message = f"the entries of {name} have no kind: the groups of this file have none"
            self.document.error(message, "add kind: adjustment, fee, payout ...", *path, "journal")
        if len(self.document.problems) == before and (sample := unbalanced(postings)):
            message = f"the postings of {name} do not sum to zero: {sample}"
            self.document.error(message, "every amount once with + and once with -", *path, "journal", "postings")
        return FixTemplate(name, memo, tuple(postings), model.journal.kind or "")

    def _update(self, name: str, model: FixModel) -> FixTemplate:
        update = model.update
        assert update is not None  # the caller looked
        path = ("fixes", name, "update")
        if reader.known(self.document, update.side, self.records, "a side", *path, "side"):
            record = RECORD_TYPES[self.records[update.side]]
            for at, field in enumerate(update.seen):
                reader.known(self.document, field, record.names, f"a field of {record.name}", *path, "seen", at)
            for field in update.set:
                if reader.known(
                    self.document, field, record.names, f"a field of {record.name}", *path, "set", field, key=True
                ):
                    declared = record.field(field)
                    if declared is not None and declared.type not in (Type.TEXT, Type.KEY):
                        self.document.error(f"{field} is {declared.type}", "an update sets text", *path, "set", field)
                    if field not in update.seen:
                        message = f"{field} is set without being seen"
                        self.document.error(message, f"add {field} to seen", *path, "set", field, key=True)
        if not update.set:
            self.document.error("set is empty", "say what the update writes", *path, "set")
        return FixTemplate(name, update=update.side, set=dict(update.set), seen=tuple(update.seen))

    def _message(self, name: str, message: MessageModel) -> FixTemplate:
        """A message is a record sent again under its own id, so that who took it once does not take it twice."""
        path = ("fixes", name, "message")
        if reader.known(self.document, message.side, self.records, "a side", *path, "side"):
            record = RECORD_TYPES[self.records[message.side]]
            legal = [field.name for field in record.fields if field.type is Type.KEY]
            reader.known(self.document, message.key, legal, f"an identifier of {record.name}", *path, "key")
        body = {field: self._text(text, *path, "body", field) for field, text in message.body.items()}
        if not body:
            self.document.error("body is empty", "say what the message holds", *path, "body")
        return FixTemplate(name, channel=message.channel, side=message.side, key=message.key, body=body)

    def _lint(self, breaks: tuple[BreakRule, ...], fixes: dict[str, FixTemplate]) -> None:
        """What is legal and surely not meant: rules that can't fire, codes given twice, fixes that no rule names."""
        conditions: dict[str, str] = {}
        codes: dict[str, Place] = {}
        always = ""
        for at, rule in enumerate(breaks):
            if rule.code in codes:
                message = f"there is a rule {rule.code} already, in line {codes[rule.code].line}"
                self.document.error(
                    message, "a code has one meaning: join the conditions with or", "breaks", at, "code"
                )
            codes.setdefault(rule.code, rule.place)
            if not rule.when.names and not rule.when.calls:
                always = always or rule.code  # refused ones too, which are errors anyway
                continue
            text = to_sql(rule.when, lambda name: f'"{name}"')
            earlier = conditions.setdefault(text, rule.code)
            if earlier != rule.code or always:
                message = f"{rule.code} never fires: {always or earlier} takes the same groups before it"
                self.document.warn(message, "remove one, or narrow the earlier", "breaks", at, "when")
        for name in fixes:
            if not any(rule.fix == name for rule in breaks):
                self.document.warn(f"no rule proposes the fix {name}", "remove it", "fixes", name)
