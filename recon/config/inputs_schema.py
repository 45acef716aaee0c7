"""The JSON Schema of a night's inputs.json, for programs that read it (docs/inputs.md)."""

from __future__ import annotations

from typing import Any

_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_TEXT: dict[str, Any] = {"type": "string"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_DATE: dict[str, Any] = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_INSTANT: dict[str, Any] = {"type": "string", "pattern": r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)?$"}
_SHA256: dict[str, Any] = {"type": "string", "pattern": "^([0-9a-f]{64})?$", "description": "empty: a query"}
_NUMBERS: dict[str, Any] = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object that has all of these properties, perhaps some of the optional ones, and no other."""
    every = properties | (optional or {})
    return {"type": "object", "required": list(properties), "properties": every, "additionalProperties": False}


_DECISION = _object(
    {
        "target": _TEXT,
        "decision": {"enum": ["accept", "reject"]},
        "decided_by": _TEXT,
        "why": _TEXT,
        "decided_at": _INSTANT,
    }
)
_BALANCE = _object(
    {
        **dict.fromkeys(("account", "currency"), _TEXT),
        **dict.fromkeys(("opening", "closing", "opened_on", "closed_on"), _or_null(_TEXT)),
        "sequence": _or_null(_TEXT),
    }
)
_INPUT = _object(
    {
        **dict.fromkeys(("source", "record", "name", "arrival", "reason", "remedy"), _TEXT),
        "sha256": _SHA256,
        **dict.fromkeys(("size", "rows", "read", "quarantined", "replayed", "restated"), _COUNT),
        "late": {**_FLAG, "description": "it is for an earlier night"},
        "status": {"enum": ["read", "replayed", "set_aside", "rejected"]},
        "totals": {"type": "array", "items": {"type": "array", "description": "kind, currency, rows, decimal text"}},
        "controls": {"type": "array", "items": {"type": "array", "items": _TEXT}},
        "warnings": {"type": "array", "items": _TEXT},
    },
    {
        "path": {**_TEXT, "description": "the name at its source; `name` says which version of it"},
        "for": {**_DATE, "description": "the night that the file is for"},
        "found": {**_COUNT, "description": "which run of the night found it: 0 the first, 1 the first rerun that did"},
        "code": {**_TEXT, "description": "kind of reason, also where a person accepted the file all the same"},
        "first": _or_null(_object({"night": _DATE, "source": _TEXT, "name": _TEXT})),
        "numbers": {"type": "array", "items": _COUNT},
        "lost": {
            "type": "array",
            "items": {
                "type": "array",
                "description": "currency, rows, decimal text: what the version read before has and this one no longer has",
            },
        },
        "decision": _or_null(_DECISION),
        "replaced_by": _TEXT,
        "due_by": _INSTANT,
        "overdue": {**_FLAG, "description": "it arrived after due_by"},
        "balances": {"type": "array", "items": _BALANCE},
        "version": {**_TEXT, "description": "what pinned the bytes at their source, where there is such a thing"},
        "unpacked": _or_null(
            _object({"steps": {"type": "array", "items": _TEXT}, "sha256": _SHA256, "size": _COUNT}),
        ),
    },
)
_AWAITED = _object(
    {
        "kind": {"enum": ["file", "number", "decision"]},
        "state": {"enum": ["awaited", "late", "set_aside"]},
        **dict.fromkeys(("source", "record", "reason", "remedy", "account", "period", "path", "code"), _TEXT),
        "arrival": _INSTANT,
        "for": _or_null(_DATE),
        "since": {**_DATE, "description": "the first night that waited"},
        "nights": {**_COUNT, "description": "how many have"},
        "due_by": _INSTANT,
        "late": _FLAG,
        "numbers": _or_null(_NUMBERS),
        "sha256": _SHA256,
        "size": _COUNT,
    }
)
_SERIES = _object(
    {
        **dict.fromkeys(("source", "account", "period"), _TEXT),
        **dict.fromkeys(("first", "last"), _COUNT),
        "gaps": {"type": "array", "items": _NUMBERS},
    }
)

INPUTS: dict[str, Any] = {
    "title": "inputs.json",
    **_object(
        {
            "schema_version": {"const": 1},
            "inputs": {"type": "array", "items": _INPUT},
            "awaiting": {"type": "array", "items": _AWAITED},
            "series": {"type": "array", "items": _SERIES, "description": "numbers of files, as read"},
            "decisions": {"type": "array", "items": _DECISION, "description": "of people, that this night used"},
        }
    ),
}
