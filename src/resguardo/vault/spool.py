"""Documents on disk between reading and writing them, so that memory stays flat."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from resguardo.board import document
from resguardo.board.batch import STATUSES


class Spool:
    """A temporary file of raw BSON, one document after the other. It goes when closed, or with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 closed by close()
        self.count = 0
        self.by_status = dict.fromkeys(STATUSES, 0)

    def append(self, raw: bytes) -> None:
        self._file.write(raw)
        self.count += 1
        status = document.field(raw, "status")
        if isinstance(status, str) and status in self.by_status:
            self.by_status[status] += 1

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while head := self._file.read(4):
            yield head + self._file.read(int.from_bytes(head, "little") - 4)

    def close(self) -> None:
        self._file.close()
