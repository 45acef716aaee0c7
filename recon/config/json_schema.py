"""JSON Schemas of the files that people write and programs read, made from the models when asked for."""

from __future__ import annotations

from typing import Any

from recon.config.models import FormatFile, RuleFile, Shape, WorkspaceFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[Shape]] = {"workspace": WorkspaceFile, "rules": RuleFile, "format": FormatFile}
NAMES = (*MODELS, "summary")

_COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}

#: summary.json of a night (docs/outputs.md).
_SUMMARY: dict[str, Any] = {
    "$schema": DIALECT,
    "title": "summary.json",
    "type": "object",
    "required": ["schema_version", "verdict", "night"],
    "properties": {
        "schema_version": {"const": 1},
        "verdict": {"enum": ["incomplete", "breaks", "pending", "reconciled"]},
        "night": {"type": "string", "format": "date"},
        "config_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "groups": _COUNTS,
        "by_class": _COUNTS,
    },
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of that name: workspace, rules, format or summary. Raises KeyError for another."""
    if name == "summary":
        return _SUMMARY
    return {"$schema": DIALECT, **MODELS[name].model_json_schema(by_alias=True)}
