"""Fetch: bring each expected file into the night once, byte for byte, stored by its SHA-256 before anything reads it."""

from recon.fetch.connections import Connections
from recon.fetch.decrypt import check_key
from recon.fetch.local import Fetched, Later, Version, fetch_files, has_date, has_path, number_in, prove_unchanged
from recon.fetch.unpack import Unpacked, UnpackError, unpack

__all__ = [
    "Connections",
    "Fetched",
    "Later",
    "UnpackError",
    "Unpacked",
    "Version",
    "check_key",
    "fetch_files",
    "has_date",
    "has_path",
    "number_in",
    "prove_unchanged",
    "unpack",
]
