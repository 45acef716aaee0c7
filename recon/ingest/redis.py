"""Redis: counters kept as sets, read as they stand, a record for each member of each set.

Comes in   a pattern of keys with named parts, `{product_id}:{offer}:stock:{scope}`, and the field that a set's members are
Goes out   rows of text, as of a query: the key as `counter`, its parts, the member
Never      blocks the server (SCAN and SSCAN, a batch at a time), holds more than a batch, or writes

Redis has no snapshot. A member that was there before reading began and after it ended is read at least once; twice is
once. So counters are read before the databases: what they hold has been committed by then, unless it was rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

#: Keys, and members of a set, that one call may look at: about a millisecond of the server's time.
KEYS_A_CALL, MEMBERS_A_CALL = 500, 1_000
_BATCH = 10_000
_SECONDS = 5  # to wait for an answer, each time
_PART = re.compile(r"\{([a-z_]+)\}")


class RedisSets:
    """The sets of one Redis database; has what a database connection has (recon/ingest/databases.py).

    A query is a pattern of keys, a space, and the field that the members are.
    """

    def __init__(self, url: str) -> None:
        import redis

        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, decode_responses=False
        )
        self._client.ping()

    def columns(self, query: str, start: datetime, end: datetime) -> list[tuple[str, bool]]:
        """The parts of the key, the key and the member; all of them text."""
        pattern, _, member = query.partition(" ")
        return [(name, False) for name in ("counter", *_PART.findall(pattern), member)]

    def stream(
        self, query: str, columns: list[tuple[str, bool]], start: datetime, end: datetime
    ) -> pa.RecordBatchReader:
        """A row for each member of each set whose key is of the pattern. A key that looks like it and cannot be taken
        apart has its `counter` alone, so that it lands in quarantine."""
        import pyarrow as pa

        pattern = query.partition(" ")[0]
        schema = pa.schema([(name, pa.string()) for name, _ in columns])
        whole = key_pattern(pattern)

        def batches() -> Iterator[pa.RecordBatch]:
            held: list[tuple[str | None, ...]] = []
            for row in self._rows(pattern, whole, len(columns)):
                held.append(row)
                if len(held) >= _BATCH:
                    yield _batch(held, schema)
                    held = []
            if held:
                yield _batch(held, schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _rows(self, pattern: str, whole: re.Pattern[str], width: int) -> Iterator[tuple[str | None, ...]]:
        for raw in self._client.scan_iter(match=glob(pattern), count=KEYS_A_CALL, _type="set"):
            key = _text(raw)
            found = whole.fullmatch(key)
            if found is None:
                yield (key, *[None] * (width - 1))
                continue
            for member in self._client.sscan_iter(raw, count=MEMBERS_A_CALL):
                yield (key, *found.groups(), _text(member))

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def glob(pattern: str) -> str:
    """The pattern as SCAN takes it: any text for a part, everything else as it stands."""
    literal = re.sub(r"([\\*?\[\]^])", r"\\\1", _PART.sub("\0", pattern))
    return literal.replace("\0", "*")


def key_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression with a group a part; no part holds the character that stands beside it."""
    pieces = _PART.split(pattern)  # literal, name, literal, name, ..., literal
    marks = {edge for literal in pieces[::2] for edge in (literal[:1], literal[-1:]) if edge and not edge.isalnum()}
    part = f"([^{re.escape(''.join(sorted(marks)))}]+)" if marks else "(.+)"
    return re.compile("".join(part if n % 2 else re.escape(piece) for n, piece in enumerate(pieces)), re.DOTALL)


def _text(raw: bytes) -> str:
    """Bytes that are no UTF-8 are written out, so that they match nothing by accident and can be found."""
    return raw.decode("utf-8", "backslashreplace")


def _batch(rows: list[tuple[str | None, ...]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.record_batch(arrays, schema=schema)
