"""camt: ISO 20022 bank statements (camt.053), intraday reports (.052) and notifications (.054), streamed.

Columns    paths below the entry, as NtryDtls/TxDtls/Refs/EndToEndId or Amt@Ccy; below the statement as Stmt/Acct/Id/IBAN
           (Stmt stands for Rpt and Ntfctn too); and the reader's own, in lower case: see OWN. What a path meets more than
           once is joined by a space.
Rows       an entry; with `details: transactions` one for each of its payments, where they add up to it
Never      a DOCTYPE, an entity, another message or version than the format's, a token or entry without end; two documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recon.domain.money import read_minor
from recon.domain.rulebook import Format
from recon.ingest.camt_xml import Element, Paths, Texts, child, forget, local, lxml_etree, text_of
from recon.ingest.staged import Statement, UnreadableError
from recon.ingest.statements import AGAIN, Found, Row, plain_amount, signed

#: Columns that the reader makes: the row's own amount (unsigned), currency and CRDT or DBIT; the entry's status and days
#: whatever its version calls them; how many payments it stands for, how many are listed.
OWN = ("amount", "currency", "direction", "status", "booked_on", "value_on", "details", "listed", "statement_number")
STATEMENTS = {"camt.052": "Rpt", "camt.053": "Stmt", "camt.054": "Ntfctn"}
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[234])\.001\.([0-9]{2})")
_PIECE = 1 << 16
_ENTRY_MAX = 64 << 20  # bytes between two entries or payments; more is no statement
_RAW_DETAILS = 20  # payments of an entry that are kept for its text
_DETAILS = "NtryDtls/TxDtls/"
_XMLNS = re.compile(r' xmlns(?::\w+)?="[^"]*"')


def rows(path: Path, fmt: Format, found: Found) -> Iterator[Row]:
    """The rows of every statement in the document. Raises UnreadableError."""
    return _Document(path, fmt, found).rows()


@dataclass(slots=True)
class _Open:
    """The statement that is being read."""

    element: Element
    texts: Texts
    first: int
    entries: dict[str, int] = field(default_factory=lambda: {"CRDT": 0, "DBIT": 0})


class _Document:
    """One document on its way through the parser."""

    def __init__(self, path: Path, fmt: Format, found: Found) -> None:
        self.path, self.found = path, found
        self.message, self.versions = str(fmt.options["message"]), tuple(fmt.options["versions"])
        self.split = fmt.options["details"] == "transactions"
        columns = [each for each in (*fmt.required, *fmt.optional) if each not in OWN]
        self.above = Paths(each.removeprefix("Stmt/") for each in columns if each.startswith("Stmt/"))
        self.entry = Paths(each for each in columns if not each.startswith(("Stmt/", _DETAILS)))
        self.detail = Paths(each.removeprefix(_DETAILS) for each in columns if each.startswith(_DETAILS))
        self.open: _Open | None = None
        self.details: list[tuple[Texts, str, str, str]] = []  # texts, direction, currency, amount of each payment
        self.at, self.entry_line = 1, 0  # the physical line that is being fed; that of the entry being read
        self.met = 0  # events so far
        self.counts: list[tuple[str, bool]] = []

    def rows(self) -> Iterator[Row]:
        etree = lxml_etree()
        kept = STATEMENTS[self.message]
        parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=["{*}Document", *(f"{{*}}{each}" for each in STATEMENTS.values()), "{*}Ntry", "{*}TxDtls"],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        try:
            for _ in self._fed(parser):
                for event, element in parser.read_events():
                    yield from self._event(event, element, local(element), kept)
        except etree.XMLSyntaxError as error:
            line, column = error.position
            raise UnreadableError(
                f"not a whole XML document: line {line}, column {column}: {error.msg}", AGAIN
            ) from None
        if not self.met or self.open is not None:
            raise UnreadableError("the document holds no camt message", AGAIN)
        self.found.counted("counts of entries", self.counts)

    def _fed(self, parser: Any) -> Iterator[None]:
        """Feed the file line by line, so that an entry's line is known; stops before anything hostile."""
        prolog, started, silent, ended = b"", False, 0, False
        with self.path.open("rb") as file:
            while piece := file.readline(_PIECE):
                self.at, ended = self.at + ended, piece.endswith(b"\n")
                if not started:
                    # Before the root element only: what is hostile there must not reach the parser.
                    prolog += piece
                    bare = prolog.replace(b"\x00", b"")
                    if re.search(rb"<!\s*(?:DOCTYPE|ENTITY)", bare):
                        raise UnreadableError(
                            "the document has a DOCTYPE", "a bank statement has none: refuse its sender"
                        )
                    if len(prolog) > _ENTRY_MAX:
                        raise UnreadableError("the document has no root element in its first 64 MiB", AGAIN)
                parser.feed(piece)
                silent += len(piece)
                before = self.met
                yield
                if self.met != before:
                    started, silent, prolog = True, 0, b""
                elif silent > _ENTRY_MAX:
                    raise UnreadableError(f"line {self.at}: more than 64 MiB without an entry or a payment", AGAIN)
        parser.close()
        yield

    def _event(self, event: str, element: Element, name: str, kept: str) -> Iterator[Row]:
        self.met += 1
        if self.met == 1:
            self._root(element)
        if name == kept:
            if event == "start":
                self.open = _Open(element, {}, self.found.rows)
            elif self.open is not None:
                self._close(self.open)
                self.open = None
                element.clear()
        elif self.open is None:
            return
        elif name == "Ntry" and event == "start":
            self.entry_line, self.details = self.at, []
            if not self.open.texts:
                self.open.texts = {f"Stmt/{key}": value for key, value in self.above.texts(element.getparent()).items()}
        elif name == "Ntry":
            yield from self._entry(element, self.open)
            forget(element)
        elif name == "TxDtls" and event == "end":
            self._detail(element)

    def _root(self, element: Element) -> None:
        root = element.getroottree()
        if root.docinfo.internalDTD is not None:
            raise UnreadableError("the document has a DOCTYPE", "a bank statement has none: refuse its sender")
        space = str(root.getroot().tag).rpartition("}")[0].removeprefix("{")
        known = _NAMESPACE.fullmatch(space)
        if known is None:
            raise UnreadableError(
                f"the document's namespace is {space or 'none'!r}",
                f"a {self.message} message is expected: check what the bank sends",
            )
        if known[1] != self.message:
            raise UnreadableError(
                f"it is a {known[1]} message, {self.message} is expected",
                f"read it with the format for {known[1]}, in a source of its own",
            )
        if known[2] not in self.versions:
            raise UnreadableError(
                f"it is version {known[2]} of {self.message}, which this format does not know",
                "compare a file with the format's page, then add the version to `options: {versions: [...]}`",
            )

    # --- a payment, an entry, a statement ----------------------------------------------------------------------------

    def _detail(self, element: Element) -> None:
        amount = child(element, "Amt")
        if amount is None:
            amount = child(element, "AmtDtls", "TxAmt", "Amt")
        texts = self.detail.texts(element)
        currency, value = ("", "") if amount is None else (amount.get("Ccy") or "", (amount.text or "").strip())
        self.details.append((texts, text_of(element, "CdtDbtInd"), currency, plain_amount(value)))
        if len(self.details) > _RAW_DETAILS:
            forget(element)

    def _entry(self, element: Element, statement: _Open) -> Iterator[Row]:
        direction, amount = text_of(element, "CdtDbtInd"), child(element, "Amt")
        statement.entries[direction] = statement.entries.get(direction, 0) + 1
        cells: dict[str, str | None] = {**statement.texts, **self.entry.texts(element, skip="TxDtls")}
        cells |= {
            "amount": plain_amount((amount.text or "").strip()) if amount is not None else None,
            "currency": amount.get("Ccy") if amount is not None else None,
            "direction": direction,
            "status": text_of(element, "Sts", "Cd") or text_of(element, "Sts", "Prtry") or text_of(element, "Sts"),
            "booked_on": _day(element, "BookgDt"),
            "value_on": _day(element, "ValDt"),
            "statement_number": _number(statement.element),
        }
        batch = child(element, "NtryDtls", "Btch")
        stated = text_of(batch, "NbOfTxs")
        cells |= {"details": stated or str(len(self.details) or 1), "listed": str(len(self.details))}
        self._batch(batch, stated)
        raw = _XMLNS.sub("", lxml_etree().tostring(element, encoding="unicode", with_tail=False))
        if self.split and len(self.details) > 1:
            if self._adds_up(cells):
                for texts, way, _, value in self.details:
                    own = {"amount": value, "direction": way or direction, "details": "1", "listed": "1"}
                    yield Row(cells | own | {_DETAILS + key: text for key, text in texts.items()}, self.entry_line, raw)
                return
            self.found.warn(f"line {self.entry_line}: the entry's payments do not add up to it, so it stays one row")
        joined: dict[str, dict[str, None]] = {}
        for texts, *_ in self.details:
            for key, value in texts.items():
                joined.setdefault(_DETAILS + key, {})[value] = None
        yield Row(cells | {key: " ".join(values) for key, values in joined.items()}, self.entry_line, raw)

    def _adds_up(self, cells: dict[str, str | None]) -> bool:
        currency, own = cells["currency"] or "", cells["direction"]
        if any(money != currency for _, _, money, _ in self.details):
            return False
        whole = read_minor(signed(cells["amount"] or "", own == "DBIT"), currency)
        parts = [read_minor(signed(value, (way or own) == "DBIT"), currency) for _, way, _, value in self.details]
        return whole is not None and None not in parts and whole == sum(part or 0 for part in parts)

    def _batch(self, batch: Element | None, stated: str) -> None:
        """What the entry says of its payments, where it lists them. Banks list a part: a warning, not a proof."""
        if not self.details or batch is None:
            return
        if stated and stated != str(len(self.details)):
            self.found.warn(
                f"line {self.entry_line}: the entry speaks of {stated} payment(s), {len(self.details)} listed"
            )
        total = child(batch, "TtlAmt")
        if total is None:
            return
        currency = total.get("Ccy") or ""
        parts = [read_minor(value, money) for _, _, money, value in self.details if money == currency]
        stated_minor = read_minor(plain_amount((total.text or "").strip()), currency)
        if None in parts or sum(part or 0 for part in parts) != stated_minor:
            said = f"{(total.text or '').strip()} {currency}"
            self.found.warn(f"line {self.entry_line}: the entry's batch total {said} is not the sum of its payments")

    def _close(self, statement: _Open) -> None:
        element, found = statement.element, self.found
        account = text_of(element, "Acct", "Id", "IBAN") or text_of(element, "Acct", "Id", "Othr", "Id")
        number = _number(element)
        copy = text_of(element, "CpyDplctInd")
        if copy:
            found.warn(
                f"statement {number or text_of(element, 'Id')} is marked {copy}: it was, or will be, sent as well"
            )
        opening, closing = _balance(element, "OPBD", "PRCD"), _balance(element, "CLBD")
        currency = opening[1] or closing[1] or text_of(element, "Acct", "Ccy")
        doubt = ""
        if opening[1] and closing[1] and opening[1] != closing[1]:
            doubt = f"{account}: the balances are in {opening[1]} and {closing[1]}"
        page = child(element, {"Stmt": "StmtPgntn", "Rpt": "RptPgntn", "Ntfctn": "NtfctnPgntn"}[local(element)])
        if page is not None and (text_of(page, "PgNb"), text_of(page, "LastPgInd")) not in (("1", "true"), ("1", "1")):
            doubt = doubt or f"{account}: page {text_of(page, 'PgNb')} of a statement of several"
        self._summary(element, statement, number or account)
        if self.message == "camt.054" and not opening[0] and not closing[0] and not _sums(element):
            return  # a notification has no balances
        found.statements.append(
            Statement(
                statement.first,
                found.rows,
                account,
                currency,
                opening[0],
                closing[0],
                opening[2],
                closing[2],
                number,
                doubt,
                _sums(element),
            )
        )

    def _summary(self, element: Element, statement: _Open, name: str) -> None:
        """Counts that the statement claims of its entries."""
        entries = statement.entries
        whole = {"TtlNtries": sum(entries.values()), "TtlCdtNtries": entries["CRDT"], "TtlDbtNtries": entries["DBIT"]}
        for each, count in whole.items():
            stated = text_of(element, "TxsSummry", each, "NbOfNtries")
            if stated:
                what = {"TtlNtries": "", "TtlCdtNtries": "credit ", "TtlDbtNtries": "debit "}[each]
                claim = f"{name} speaks of {stated} {what}entries, {count} found"
                self.counts.append((claim, stated.lstrip("0") == str(count).lstrip("0")))


def _number(element: Element) -> str:
    return text_of(element, "LglSeqNb") or text_of(element, "ElctrncSeqNb")


def _day(element: Element, name: str) -> str | None:
    """A day that stands as Dt or as DtTm, either where the other was expected."""
    at = child(element, name)
    return (text_of(at, "Dt") or text_of(at, "DtTm"))[:10] or None


def _balance(element: Element, *codes: str) -> tuple[str | None, str, str | None]:
    """(signed amount, currency, day) of the first balance with one of these codes; later ones of the same code are kept."""
    for code in codes:
        for each in element:
            if local(each) == "Bal" and text_of(each, "Tp", "CdOrPrtry", "Cd") == code:
                amount = child(each, "Amt")
                if amount is None:
                    continue
                value = signed(plain_amount((amount.text or "").strip()), text_of(each, "CdtDbtInd") == "DBIT")
                return value, amount.get("Ccy") or "", _day(each, "Dt")
    return None, "", None


def _sums(element: Element) -> tuple[tuple[str, str], ...]:
    """Sums that TxsSummry claims."""
    summary = child(element, "TxsSummry")
    found = [
        (what, plain_amount(text_of(summary, each, "Sum")))
        for what, each in (("total", "TtlNtries"), ("credits", "TtlCdtNtries"), ("debits", "TtlDbtNtries"))
        if text_of(summary, each, "Sum")
    ]
    whole = child(summary, "TtlNtries")
    net = text_of(whole, "TtlNetNtry", "Amt") or text_of(whole, "TtlNetNtryAmt")
    if net:
        way = text_of(whole, "TtlNetNtry", "CdtDbtInd") or text_of(whole, "CdtDbtInd")
        found.append(("net", signed(plain_amount(net), way == "DBIT")))
    return tuple(found)
