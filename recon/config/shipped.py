"""Shipped: where the rules and templates that come with the tool are, in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

import recon


def _folder(installed: str, checkout: str) -> Path:
    package = Path(recon.__file__).resolve().parent
    inside = package / "shipped" / installed
    return inside if inside.is_dir() else package.parent / checkout


def shipped_rules() -> Path:
    """The folder with the shipped rule files, and their formats in `formats/`."""
    return _folder("rules", "rules")


def shipped_templates() -> Path:
    """The folder with the report's templates."""
    return _folder("templates", "reports/templates")
