"""Fixtures of the format tests."""

from __future__ import annotations

from ingest_reading import engine, read

__all__ = ["engine", "read"]
