"""Validation: a located tree against a pydantic model; each of its errors comes back with line, column and remedy."""

from __future__ import annotations

import types
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from recon.config.yaml_file import Document, Key
from recon.engine.expressions import nearest

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], document: Document, droppable: tuple[str, ...] = ()) -> M | None:
    """The document as a `model`, its problems noted in the document.

    droppable   top keys whose list items are left out when they are wrong, so that the rest is still looked at
    Returns None where nothing sound is left; a result may lack what was wrong, so look at the problems too.
    """
    value = document.root.value()
    for _ in range(3):
        try:
            return model.model_validate(value)
        except ValidationError as failed:
            errors = failed.errors(include_url=False, include_input=False)
            for error in errors:
                _note(model, document, error["type"], error["loc"], error["msg"], error.get("ctx") or {})
            if not all(_leave_out(value, error["type"], error["loc"], droppable) for error in errors):
                return None
            _compact(value, document)
    return None


def _note(model: type[BaseModel], document: Document, kind: str, loc: tuple[Key, ...], said: str, ctx: Any) -> None:
    last = loc[-1] if loc else ""
    if kind == "extra_forbidden":
        document.error(f"unknown key {last}", nearest(str(last), _keys(model, loc[:-1])), *loc, key=True)
    elif kind == "missing":
        document.error(f"{last} is missing", "add it", *loc[:-1])
    elif kind == "literal_error":
        legal = [word.strip("' ") for word in str(ctx.get("expected", "")).replace(" or ", ",").split(",")]
        document.error(
            f"{document.node(*loc)} is not one of: {', '.join(legal)}",
            nearest(str(document.node(*loc).text), legal),
            *loc,
        )
    elif kind in _EXPECTED:
        document.error(f"{last}: {_EXPECTED[kind]} is expected, {document.node(*loc)} found", "", *loc)
    else:
        message, _, remedy = said.removeprefix("Value error, ").partition("; ")
        document.error(f"{last}: {message}" if isinstance(last, str) else message, remedy, *loc)


_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_GONE = object()


def _leave_out(value: Any, kind: str, loc: tuple[Key, ...], droppable: tuple[str, ...]) -> bool:
    """Take an unknown key, or the wrong item of a droppable list, out of the value. False: it can't be."""
    if kind == "extra_forbidden":
        above = value
        for step in loc[:-1]:
            above = above[step] if above is not _GONE else above
        if above is not _GONE:
            above.pop(loc[-1], None)
        return True
    if len(loc) > 1 and loc[0] in droppable and isinstance(loc[1], int):
        value[loc[0]][loc[1]] = _GONE
        return True
    return False


def _compact(value: dict[str, Any], document: Document) -> None:
    """Remove what was left out, from the document too: its paths and the model's stay the same."""
    for key, items in value.items():
        nodes = document.node(key).items
        if isinstance(items, list) and nodes is not None and any(item is _GONE for item in items):
            nodes[:] = [node for node, item in zip(nodes, items, strict=True) if item is not _GONE]
            items[:] = [item for item in items if item is not _GONE]


def _keys(model: Any, loc: tuple[Key, ...]) -> list[str]:
    """The legal keys of the model at the location."""
    for step in loc:
        model = _model_of(_step(model, step))
    return [info.alias or name for name, info in model.model_fields.items()] if _is_model(model) else []


def _step(model: Any, step: Key) -> Any:
    if _is_model(model):
        for name, info in model.model_fields.items():
            if step in (name, info.alias):
                return info.annotation
        return None
    arguments = get_args(model)
    return arguments[-1] if get_origin(model) is dict and arguments else arguments[0] if arguments else None


def _model_of(annotation: Any) -> Any:
    """The annotation without Annotated and Optional."""
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        annotation = next((part for part in get_args(annotation) if part is not type(None)), None)
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
