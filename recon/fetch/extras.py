"""Extras: libraries that not every workspace needs; one that is missing says what to install."""

from __future__ import annotations

from importlib.util import find_spec

from recon.errors import ReconError


def needs(module: str, extra: str, who: str) -> None:
    """Raise `missing-extra` (exit 2) where the module is not installed."""
    top = module.partition(".")[0]
    if find_spec(top) is None or find_spec(module) is None:
        raise ReconError(
            "missing-extra",
            f"{who} needs the library {module}, which is not installed",
            f"pip install 'payrecon[{extra}]'",
        )
