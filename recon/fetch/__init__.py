"""Fetch: bring each expected file into the night once, byte for byte, stored by its SHA-256 before anything reads it."""

from recon.fetch.local import Fetched, fetch_files

__all__ = ["Fetched", "fetch_files"]
