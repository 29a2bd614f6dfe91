"""The quick way through an archive that lies exactly as `archive.stream` writes it: hundreds of documents at a time.

Whatever lies otherwise, be it by a blank or by a bit, raises `Different`; `reading` then takes the long way, which
knows every layout and says what is wrong and where. So that nothing is taken here that would be refused there:

- the head, and every piece of a list of documents, laid out again as the writer does it, are the bytes that were read;
- a list is cut only at commas, and each piece has to be a list by itself, so that the whole is one;
- between the lists stands what the writer puts there, and nothing else.

The exact lines come last in the file. A second place in it goes through them in step with the documents, so that each
document is whole at once and none has to wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, Any, Final

import orjson
from bson.errors import BSONError

from resguardo.board.batch import STATUSES
from resguardo.vault.archive import (
    AFTER_SHOWN,
    BEFORE_SHOWN,
    LISTS,
    VERSION,
    count_statuses,
    head_text,
    laid_out,
    whole,
)

CHUNK: Final = 256 * 1024
LONGEST: Final = 128 * 1024**2
"""Bytes of one document, as in `scan`."""
LONGEST_HEAD: Final = 64 * 1024

_EXACT: Final = b'  "exact": {\n'
_LAST: Final = b"  }\n}"


class Different(Exception):
    """Not laid out as we write it, or not whole."""


class Canonical:
    """An archive of ours. The counts in its head are checked when `blocks` has come to its end."""

    def __init__(self, file: IO[bytes]) -> None:
        """Raises `Different`."""
        self._file = file
        with _differences():
            head, self._at = self._head()
            _same(list(head), ["backup_info", "statistics"])
            self.info: dict[str, Any] = head["backup_info"]
            self._statistics: dict[str, Any] = head["statistics"]
            _same([type(self.info), type(self._statistics)], [dict, dict])
            _same(self.info.get("version"), VERSION)

    def _head(self) -> tuple[dict[str, Any], int]:
        self._file.seek(0)
        text = self._file.read(LONGEST_HEAD)
        text = text[: text.index(b'  "segmentadores": [')]
        head = orjson.loads(text.removesuffix(b",\n") + b"}")
        _same(head_text(head), text)
        return head, len(text)

    def blocks(self) -> Iterator[tuple[str, list[bytes]]]:
        """(name of the list, some of its documents), to the end of the file. Raises `Different`."""
        with _differences():
            size = self._file.seek(0, 2)
            exact_at = self._exact_at(size)
            documents, lines = _Place(self._file, self._at), _Place(self._file, exact_at)
            lines.take(_EXACT)
            by_status = dict.fromkeys(STATUSES, 0)
            for name in LISTS:
                last = name == LISTS[-1]
                shown = documents.elements(name, b"  ", b"{", b",\n", exact_at if last else 0)
                exact = lines.elements(name, b"    ", b"", b"\n" if last else b",\n", size - len(_LAST) if last else 0)
                yield from self._list(name, shown, exact, by_status if last else {})
            _same(self._statistics.get("batches_by_status"), by_status)
            _same(documents.offset, exact_at)
            lines.take(_LAST)
            _same(lines.offset, size)

    def _list(
        self, name: str, shown: Iterator[bytes], exact: Iterator[bytes], by_status: dict[str, int]
    ) -> Iterator[tuple[str, list[bytes]]]:
        lines = chain.from_iterable(map(_lines, exact))
        count = 0
        for piece in shown:
            raws = _raws(piece, lines, by_status)
            count += len(raws)
            yield name, raws
        _same(next(lines, None), None)
        _same(self._statistics.get(f"total_{name}"), count)

    def _exact_at(self, size: int) -> int:
        """Where the exact lines begin: sought from the end, for they are by far the smaller part."""
        at, found = size, -1
        while found < 0 < at:
            at = max(at - CHUNK, 0)
            self._file.seek(at)
            found = self._file.read(CHUNK + len(_EXACT)).rfind(_EXACT)
        _same(found >= 0, True)
        return at + found


class _Place:
    """A place in the file, which moves forward only."""

    def __init__(self, file: IO[bytes], at: int) -> None:
        self._file = file
        self._buffer = b""
        self.offset = at

    def _more(self) -> bool:
        self._file.seek(self.offset + len(self._buffer))
        chunk = self._file.read(max(CHUNK, len(self._buffer)))
        self._buffer += chunk
        return bool(chunk) and len(self._buffer) <= LONGEST

    def _pass(self, length: int) -> bytes:
        passed, self._buffer = self._buffer[:length], self._buffer[length:]
        self.offset += length
        return passed

    def take(self, text: bytes) -> None:
        while len(self._buffer) < len(text) and self._more():
            pass
        _same(self._pass(len(text)), text)

    def elements(self, name: str, indent: bytes, first: bytes, after: bytes, ends_at: int) -> Iterator[bytes]:
        """The text of a list, cut into pieces of whole elements, each of which begins with `first`.

        `after` follows the list, and ends at the offset `ends_at` where that is known already.
        """
        between, end = b",\n%b  %b" % (indent, first), b"\n%b]%b" % (indent, after)
        self.take(b'%b"%b": [' % (indent, name.encode()))
        if not self._buffer:
            self._more()
        if self._buffer.startswith(b"]"):
            return self.take(end.lstrip())
        while (stop := self._buffer.find(end, max(ends_at - len(end) - self.offset, 0))) < 0:
            cut = self._buffer.rfind(between)
            if cut > 0:
                yield self._pass(cut)
                self._pass(1)
            elif not self._more():
                raise Different
        yield self._pass(stop)
        self._pass(len(end))


def _lines(piece: bytes) -> list[Any]:
    lines: list[Any] = orjson.loads(b"[%b]" % piece)
    _same(bool(lines), True)
    return lines


def _raws(piece: bytes, exact: Iterator[Any], by_status: dict[str, int]) -> list[bytes]:
    text = b"%b%b%b" % (BEFORE_SHOWN, piece, AFTER_SHOWN)
    shown = orjson.loads(text)[0]
    _same(laid_out(shown), text)
    _same([fields for fields in shown if type(fields) is not dict or "_id" in fields], [])
    lines = list(islice(exact, len(shown)))
    _same(len(lines), len(shown))
    raws = whole(shown, lines)
    count_statuses(by_status, raws, lines, shown)
    return raws


def _same(found: object, wanted: object) -> None:
    if found != wanted:
        raise Different


@contextmanager
def _differences() -> Iterator[None]:
    try:
        yield
    except (BSONError, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise Different from error
