"""JSON Schemas of the files that people write and programs read, made from the models when asked for."""

from __future__ import annotations

from typing import Any

from recon.config.decisions_schema import DECISIONS_FILE
from recon.config.inputs_schema import INPUTS
from recon.config.models import FormatFile, RuleFile, Shape, TermsFile, WorkspaceFile
from recon.config.summary_schema import SUMMARY

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[Shape]] = {
    "workspace": WorkspaceFile,
    "rules": RuleFile,
    "format": FormatFile,
    "terms": TermsFile,
}
NIGHT = {"summary": SUMMARY, "inputs": INPUTS, "decisions": DECISIONS_FILE}
NAMES = (*MODELS, *NIGHT)


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of that name: workspace, rules, format, terms, summary, inputs or decisions. Raises KeyError for another."""
    if name in NIGHT:
        return {"$schema": DIALECT, **NIGHT[name]}
    return {"$schema": DIALECT, **MODELS[name].model_json_schema(by_alias=True)}
