"""YAML files as located trees: every value is text and knows its line and column, so every later error does too.

Comes in   a YAML file (the events of libyaml, not its types: `NO`, `12:30`, `010` and `1.10` stay what they are)
Goes out   a `Document`, or the problems that keep it from being one
Never      resolves a tag, an anchor or an alias; keeps the last of two equal keys; nests without bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    MarkedYAMLError,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    YAMLError,
)

from recon.errors import Place, Problem

DEPTH_MAX = 20
SIZE_MAX = 1_000_000

#: libyaml's own parser reads a rule file in a twentieth of the time of the one in Python (5 ms and 105 ms for payin).
_PARSER = getattr(yaml, "CLoader", yaml.SafeLoader)

Key = str | int


@dataclass(slots=True)
class Node:
    """A scalar (`text`), a mapping (`entries`) or a sequence (`items`). `start` is the offset in the file's text."""

    place: Place
    start: int = 0
    text: str | None = None
    plain: bool = False  # a scalar without quotes
    entries: dict[str, tuple[Node, Node]] | None = None  # key -> (the key's node, the value)
    items: list[Node] | None = None

    def value(self) -> Any:
        """The tree as text, dict and list."""
        if self.entries is not None:
            return {key: node.value() for key, (_, node) in self.entries.items()}
        return [node.value() for node in self.items] if self.items is not None else self.text

    def __str__(self) -> str:
        return "a mapping" if self.entries is not None else "a list" if self.items is not None else repr(self.text)


@dataclass(slots=True)
class Document:
    """A file's tree with its source. Paths are keys and list positions from the top: ("breaks", 0, "when")."""

    label: str
    source: str
    root: Node
    sha256: str = ""
    problems: list[Problem] = field(default_factory=list)

    def node(self, *path: Key) -> Node:
        """The node at the path, or the nearest one above it."""
        node = self.root
        for step in path:
            below = self._below(node, step)
            if below is None:
                return node
            node = below
        return node

    def place(self, *path: Key) -> Place:
        return self.node(*path).place

    def key_place(self, *path: Key) -> Place:
        """Where the last key of the path itself stands."""
        above = self.node(*path[:-1])
        if above.entries is not None and path[-1] in above.entries:
            return above.entries[str(path[-1])][0].place
        return above.place

    def at(self, offset: int, *path: Key) -> Place:
        """Where the letter at `offset` of a scalar stands, through quotes, folding and block scalars."""
        node = self.node(*path)
        return _letter(self.source, node, offset) if node.text else node.place

    def error(self, message: str, remedy: str = "", *path: Key, key: bool = False) -> None:
        """Note a problem at the path's value, or at its key."""
        self.problems.append(Problem(self.key_place(*path) if key else self.place(*path), message, remedy))

    def warn(self, message: str, remedy: str = "", *path: Key) -> None:
        self.problems.append(Problem(self.place(*path), message, remedy, "warning"))

    @staticmethod
    def _below(node: Node, step: Key) -> Node | None:
        if node.entries is not None and step in node.entries:
            return node.entries[str(step)][1]
        if node.items is not None and isinstance(step, int) and step < len(node.items):
            return node.items[step]
        return None


def read_document(path: Path, label: str = "") -> Document:
    """Read a file whose top is a mapping.

    label    how messages name the file; its file name when empty
    Returns a document whose `problems` say what is wrong; its root is then what could be read (perhaps nothing).
    """
    label = label or path.name
    data = read_text(path, label)
    return data if isinstance(data, Document) else parse_document(data, label)


def read_text(path: Path, label: str) -> bytes | Document:
    """A file's bytes; the document that says why there are none."""
    try:
        return path.read_bytes()
    except OSError as error:
        problem = Problem(Place(label), f"can't be read: {error.strerror or 'unreadable'}", "check the path")
        return Document(label, "", Node(Place(label), entries={}), problems=[problem])


def parse_document(data: bytes, label: str) -> Document:
    """As `read_document`, from bytes."""
    document = Document(label, "", Node(Place(label), entries={}), hashlib.sha256(data).hexdigest())
    if len(data) > SIZE_MAX:
        document.error(f"larger than {SIZE_MAX} bytes", "split the file")
        return document
    try:
        document.source = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        document.problems.append(Problem(Place(label, line, 1), "not UTF-8", "save the file as UTF-8"))
        return document
    try:
        root = _Builder(document).build()
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(label, mark.line + 1, mark.column + 1) if mark else Place(label)
        document.problems.append(
            Problem(place, f"not YAML: {error.problem or error.context}", "check quotes and indents")
        )
        return document
    except (YAMLError, ValueError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        document.problems.append(Problem(Place(label), f"not YAML: {first}", "check quotes and indents"))
        return document
    if root is None or root.entries is None:
        document.problems.append(Problem(root.place if root else Place(label), "the file has to be a mapping of keys"))
    else:
        document.root = root
    return document


class _Builder:
    """Builds the tree from the parser's events; notes what the tree can't hold and goes on."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.events: Iterator[Event] = iter(yaml.parse(document.source, Loader=_PARSER))

    def build(self) -> Node | None:
        """The first document's tree; a second document is a problem."""
        root, documents = None, 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event, "a second document", "one document a file")
                    break
            elif isinstance(event, (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)):
                root = self._node(event, 0)
        return root

    def _node(self, event: Event, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            self._note(event, f"an alias (*{event.anchor})", "write the value out: aliases are not part of these files")
            return Node(self._place(event), text="")
        assert isinstance(event, (ScalarEvent, MappingStartEvent, SequenceStartEvent))  # nothing else starts a node
        if event.anchor:
            self._note(event, f"an anchor (&{event.anchor})", "remove it: anchors are not part of these files")
        if event.tag and event.tag != "!":
            self._note(event, "a tag", "remove it: every value is text, read by its key")
        if depth > DEPTH_MAX:
            raise ValueError(f"nested more than {DEPTH_MAX} deep at line {_start(event).line + 1}")
        node = Node(self._place(event), _start(event).index)
        if isinstance(event, ScalarEvent):
            node.text, node.plain = event.value, not event.style
        elif isinstance(event, MappingStartEvent):
            node.entries = {}
            self._fill(node.entries, depth)
        else:
            node.items = []
            while not isinstance(event := next(self.events), SequenceEndEvent):
                node.items.append(self._node(event, depth + 1))
        return node

    def _fill(self, entries: dict[str, tuple[Node, Node]], depth: int) -> None:
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self.events), depth + 1)
            if key.text is None:
                self.document.problems.append(Problem(key.place, "a key has to be text"))
            elif key.text in entries:
                first = entries[key.text][0].place
                self.document.problems.append(
                    Problem(key.place, f"{key.text} is given twice", f"keep one; the first is in line {first.line}")
                )
            else:
                entries[key.text] = (key, value)
                if value.plain and value.text in ("", "~", "null"):
                    message = f"{key.text} has no value"
                    self.document.problems.append(Problem(key.place, message, "give one, or leave the key out"))

    def _place(self, event: Event) -> Place:
        return Place(self.document.label, _start(event).line + 1, _start(event).column + 1)

    def _note(self, event: Event, message: str, remedy: str) -> None:
        self.document.problems.append(Problem(self._place(event), message, remedy))


def _start(event: Event) -> Any:
    assert event.start_mark  # events of text that is parsed have one
    return event.start_mark


def _letter(source: str, node: Node, offset: int) -> Place:
    """Walk value and source side by side; white space of any length stands for white space. Lost: the value's start."""
    at = node.start
    if source[at : at + 1] in ("|", ">"):
        at = source.find("\n", at) + 1
        at += len(source[at:]) - len(source[at:].lstrip())
    elif source[at : at + 1] in ("'", '"'):
        at += 1
    for letter in (node.text or "")[:offset]:
        if letter.isspace():
            at += len(source[at:]) - len(source[at:].lstrip())
        elif source[at : at + 1] == letter:
            at += 2 if letter == "'" and source[node.start] == "'" else 1
        elif source[at : at + 2] == "\\" + letter:
            at += 2
        else:
            return node.place
    # Behind white space the letter asked for may be the next one that is not.
    at += len(source[at:]) - len(source[at:].lstrip()) if offset < len(node.text or "") else 0
    line = source.count("\n", 0, at) + 1
    return Place(node.place.file, line, at - (source.rfind("\n", 0, at) + 1) + 1)
