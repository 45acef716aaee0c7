"""Connections: the transports of a workspace, each opened when a source first asks for it, all closed together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from recon.domain.rulebook import Source
from recon.fetch.local import Folder
from recon.fetch.transport import Transport
from recon.workspace import S3, Sftp


class Connections:
    """Use as a context; `of` gives the transport of a source."""

    def __init__(self, root: Path, transports: Mapping[str, S3 | Sftp]) -> None:
        self._folder = Folder(root)
        self._transports = transports
        self._open: dict[str, Transport] = {}

    def __enter__(self) -> Connections:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._open.values():
            each.close()

    def of(self, source: Source) -> Transport:
        """The transport that the source's files come by."""
        return self._folder if source.transport is None else self.named(source.transport)

    def named(self, name: str) -> Transport:
        """The transport of that name in recon.yaml."""
        if name not in self._open:
            self._open[name] = _opened(name, self._transports[name])
        return self._open[name]


def _opened(name: str, settings: S3 | Sftp) -> Transport:
    # Looked up here, so that a night of folders loads neither library.
    if isinstance(settings, S3):
        from recon.fetch.s3 import Bucket

        return Bucket(settings, name)
    from recon.fetch.sftp import Server

    return Server(settings, name)
