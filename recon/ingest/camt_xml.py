"""camt XML: paths and texts of an element, by local names, and the parser library behind them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from recon.errors import ReconError

#: lxml carries no types of its own.
Element = Any
Texts = dict[str, str]


class Paths:
    """The paths that a format asks for, as a tree of steps; found texts are joined."""

    def __init__(self, columns: Iterator[str]) -> None:
        self.tree: dict[str, Any] = {}
        for column in columns:
            path, _, attribute = column.partition("@")
            node = self.tree
            for step in path.split("/"):
                node = node.setdefault(step, {})
            node.setdefault("", []).append((attribute, column))

    def texts(self, element: Element, skip: str = "") -> Texts:
        """Texts by column below an element; children named `skip` are left out."""
        found: Texts = {}
        _collect(element, self.tree, found, skip)
        return found


def _collect(element: Element, tree: dict[str, Any], found: Texts, skip: str) -> None:
    for each in element:
        name = local(each)
        node = tree.get(name)
        if node is None or name == skip:
            continue
        for attribute, column in node.get("", ()):
            value = " ".join(((each.get(attribute) if attribute else each.text) or "").split())
            if value:
                found[column] = f"{found[column]} {value}" if column in found else value
        if len(node) > ("" in node):
            _collect(each, node, found, skip)


def local(element: Element) -> str:
    """The element's name without its namespace; empty for a comment."""
    tag = element.tag
    return _bare(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=1024)
def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def child(element: Element | None, *path: str) -> Element | None:
    """The first element at the end of a path of names."""
    for step in path:
        if element is None:
            return None
        element = next((each for each in element if local(each) == step), None)
    return element


def text_of(element: Element | None, *path: str) -> str:
    """The text at the end of a path of names; empty where there is none."""
    found = child(element, *path)
    return (found.text or "").strip() if found is not None else ""


def lxml_etree() -> Any:
    """The parser library. Raises ReconError where the extra that brings it is not installed."""
    try:
        from lxml import etree
    except ImportError:
        raise ReconError(
            "missing-extra",
            "a camt file needs the library lxml, which is not installed",
            "pip install 'payrecon[bank]'",
        ) from None
    return etree


def forget(element: Element) -> None:
    """Let go of an element that was read, and of what stands before it among its kind."""
    element.clear()
    previous = element.getprevious()
    while previous is not None and previous.tag == element.tag:
        parent = element.getparent()
        if parent is None:
            return
        parent.remove(previous)
        previous = element.getprevious()
