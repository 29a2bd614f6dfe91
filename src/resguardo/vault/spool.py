"""Documents on disk between reading and writing them, so that memory stays flat."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

CHUNK: Final = 1024 * 1024


class Spool:
    """A temporary file of raw BSON, one document after the other. It goes when closed, or with the process.

    Reading keeps its own place: several may read at once, and what is appended meanwhile is read too.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 closed by close()
        self._size = 0
        self._at_end = True
        self.count = 0

    def append(self, raw: bytes) -> None:
        self.extend([raw])

    def extend(self, raws: Sequence[bytes]) -> None:
        if not self._at_end:
            self._file.seek(self._size)
            self._at_end = True
        joined = b"".join(raws)
        self._file.write(joined)
        self._size += len(joined)
        self.count += len(raws)

    def __iter__(self) -> Iterator[bytes]:
        at, buffer, start = 0, b"", 0
        while at < self._size:
            length = int.from_bytes(buffer[start : start + 4], "little")
            if len(buffer) - start < max(length, 4):
                buffer, start = self._read(at), 0
                length = int.from_bytes(buffer[:4], "little")
            yield buffer[start : start + length]
            start += length
            at += length

    def _read(self, at: int) -> bytes:
        """A chunk that begins with the document at `at` and holds at least all of it."""
        self._at_end = False
        self._file.seek(at)
        chunk = self._file.read(max(CHUNK, 4))
        missing = int.from_bytes(chunk[:4], "little") - len(chunk)
        return chunk + self._file.read(missing) if missing > 0 else chunk

    def close(self) -> None:
        self._file.close()
