"""JSON Schemas of the files that people write and programs read, made from the models when asked for."""

from __future__ import annotations

from typing import Any

from recon.config.models import FormatFile, RuleFile, Shape, WorkspaceFile
from recon.config.summary_schema import SUMMARY

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[Shape]] = {"workspace": WorkspaceFile, "rules": RuleFile, "format": FormatFile}
NAMES = (*MODELS, "summary")


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of that name: workspace, rules, format or summary. Raises KeyError for another."""
    if name == "summary":
        return {"$schema": DIALECT, **SUMMARY}
    return {"$schema": DIALECT, **MODELS[name].model_json_schema(by_alias=True)}
