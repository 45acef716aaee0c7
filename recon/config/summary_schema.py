"""The JSON Schema of a night's summary.json, for programs that read it (docs/night-folder.md)."""

from __future__ import annotations

from typing import Any

from recon.domain.rulebook import Class

_OUTCOMES = ("cleared", "pending", "silent", "broken", "lapsed")
_BUCKETS = ("brought", "new", "cleared", "carried", "read_again", "quarantined", "excluded", "replayed")

_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_TEXT: dict[str, Any] = {"type": "string"}
_DATE: dict[str, Any] = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_SHA256: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_CURRENCY: dict[str, Any] = {"type": "string", "pattern": "^[A-Z]{3}$"}
_MAJOR: dict[str, Any] = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "exact decimal, major units"}
_MINOR: dict[str, Any] = {"type": "string", "pattern": r"^-?\d+$", "description": "whole minor units"}
_NAMES: dict[str, Any] = {"type": "array", "items": _TEXT}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object that has all of these properties and no other."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


_BREAKS = _object(
    {
        "open": _COUNT,
        "new": _COUNT,
        "persisting": _COUNT,
        "reopened": _COUNT,
        "resolved": _COUNT,
        "by_class": _object({str(each): _COUNT for each in Class}),
        "by_code": _map(_COUNT),
    },
    description="open = new + persisting + reopened; by_class and by_code count the open ones",
)
_TIE_OUT = _object(
    {
        "reconciliation": _TEXT,
        "psp": _TEXT,
        "currency": _CURRENCY,
        **dict.fromkeys(("external", "internal", "cleared", "pending", "breaks", "residual"), _MAJOR),
        **dict.fromkeys(("groups_cleared", "groups_pending", "groups_broken"), _COUNT),
    },
    description="external = internal + pending + breaks, residual zero; cleared: what cleared tonight",
)
_ROLL_FORWARD = _object(
    {
        "reconciliation": _TEXT,
        "source": _TEXT,
        "currency": {"anyOf": [_CURRENCY, {"const": ""}]},
        "counts": _object(dict.fromkeys(_BUCKETS, _COUNT)),
        "amounts": {"anyOf": [_object(dict.fromkeys(_BUCKETS, _MINOR)), _object({})]},
    },
    description="brought + new = cleared + carried + read_again + quarantined + excluded + replayed; no currency: rows not read",
)

SUMMARY: dict[str, Any] = {
    "title": "summary.json",
    **_object(
        {
            "schema_version": {"const": 1},
            "workspace": _TEXT,
            "night": _DATE,
            "verdict": {"enum": ["incomplete", "breaks", "pending", "reconciled"]},
            "sentence": _TEXT,
            "tool_version": _TEXT,
            "config_sha256": _SHA256,
            "rules_sha256": {**_map(_SHA256), "description": "per file of the configuration"},
            "previous": {
                "anyOf": [_object({"night": _DATE, "manifest_sha256": _SHA256}), {"type": "null"}],
                "description": "the night that this one continues from; null for the first",
            },
            "audit": {
                **_object({"records": _COUNT, "head": _SHA256}),
                "description": "the audit trail before this night's own records; recon verify holds it against the database",
            },
            "reconciliations": _map(
                _object(
                    {
                        "groups": _object(dict.fromkeys(_OUTCOMES, _COUNT)),
                        "breaks": _BREAKS,
                        "fixes": _COUNT,
                        "tie_out": {"type": "array", "items": _TIE_OUT},
                    }
                )
            ),
            "roll_forward": {"type": "array", "items": _ROLL_FORWARD},
            "inputs": _object(
                {
                    **dict.fromkeys(("files", "rows", "quarantined", "replayed", "restated"), _COUNT),
                    **dict.fromkeys(("late", "set_aside", "awaiting"), _NAMES),
                }
            ),
        }
    ),
}
