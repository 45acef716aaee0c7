"""Fetch: bring each expected file into the night once, byte for byte, stored by its SHA-256 before anything reads it."""

from recon.fetch.local import Fetched, Version, fetch_files, has_date, number_in

__all__ = ["Fetched", "Version", "fetch_files", "has_date", "number_in"]
