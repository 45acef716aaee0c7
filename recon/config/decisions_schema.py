"""The JSON Schema of decisions.json: what people decided on the page, or in a file that `recon fixes export` wrote (docs/fix-queue.md)."""

from __future__ import annotations

from typing import Any

from recon.domain.casework import DECISIONS, REASONS

_TEXT: dict[str, Any] = {"type": "string", "maxLength": 2000}

DECISIONS_FILE: dict[str, Any] = {
    "title": "decisions.json",
    "type": "object",
    "required": ["schema_version", "workspace", "night", "config_sha256", "decisions"],
    "additionalProperties": False,
    "properties": {
        "schema_version": {"const": 1},
        "workspace": {**_TEXT, "description": "its name; a file of another workspace is refused"},
        "night": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "the night that the person saw"},
        "config_sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "of that night's summary.json; a fix is approved only under the rules that the person saw",
        },
        "decisions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["break_id", "fix_id", "decision", "reason", "assign_to", "remark", "seen"],
                "additionalProperties": False,
                "properties": {
                    "break_id": {"type": "string", "pattern": "^BRK-[0-9A-F]{16}$"},
                    "fix_id": {
                        "type": "string",
                        "pattern": "^(FIX-[0-9A-F]{16})?$",
                        "description": "empty: it has none",
                    },
                    "decision": {"enum": ["", *DECISIONS], "description": "empty: the line is passed over"},
                    "reason": {"enum": ["", *REASONS], "description": "needed to reject and to resolve"},
                    "assign_to": {**_TEXT, "maxLength": 200, "description": "needed to assign"},
                    "remark": {**_TEXT, "description": "needed with the reason other"},
                    "seen": {
                        "type": "string",
                        "pattern": "^[0-9a-f]{16}$",
                        "description": "what the person saw of the break and its fix; a line whose break changed is refused",
                    },
                },
            },
        },
    },
}
