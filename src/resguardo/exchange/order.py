"""Lines in the order of their ids, however many there are and in whatever order they come.

A server that is asked for an order puts everything in order first, while whoever asked waits; read as they lie,
batches become lines while the server finds the next ones. The lines wait in sorted runs, in one temporary file, and
are merged. A run, and a little of each of the others, is in memory; of a small board nothing is written to the disk.
"""

from __future__ import annotations

import heapq
import marshal
import struct
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any, Final

from bson.decimal128 import Decimal128

LONGEST_RUN: Final = 5_000
LARGEST_RUN: Final = 8 * 1024**2
"""Bytes of lines. A run ends at either."""
CHUNK: Final = 64 * 1024
"""Bytes of lines that are read from a run at once."""

Keyed = tuple[str, bytes]


def key_of(own: Any) -> str:
    """Where an id of any type stands, as MongoDB has it: none, numbers, text by its bytes; then all else, as text."""
    if type(own) is str:
        return "2" + own  # by code points is by the bytes of UTF-8
    if own is None:
        return "0"
    if isinstance(own, int | float | Decimal128) and not isinstance(own, bool):
        return f"1{_place_of(float(str(own))):016x}"
    return f"3{type(own).__name__} {own}"


def _place_of(number: float) -> int:
    """The bits of a number (IEEE 754), turned so that they are ordered as the numbers are; what is none comes first."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number))
    if number != number:
        return 0
    return int(bits ^ ((1 << 64) - 1 if bits >> 63 else 1 << 63))


def in_order(lines: Iterable[Keyed]) -> Iterator[bytes]:
    """The lines by their keys."""
    with tempfile.SpooledTemporaryFile(LARGEST_RUN) as file:
        runs = [_kept(run, file) for run in _runs(lines)]
        for _, line in heapq.merge(*runs):
            yield line


def _runs(lines: Iterable[Keyed]) -> Iterator[list[Keyed]]:
    run: list[Keyed] = []
    size = 0
    for keyed in lines:
        run.append(keyed)
        size += len(keyed[1])
        if size >= LARGEST_RUN or len(run) >= LONGEST_RUN:
            yield run
            run, size = [], 0
    yield run


def _kept(run: list[Keyed], file: IO[bytes]) -> Iterator[Keyed]:
    """Sort and write a run now; read it when asked."""
    run.sort()
    places = []
    for chunk in _chunks(run):
        data = marshal.dumps(chunk)
        places.append((file.tell(), len(data)))
        file.write(data)
    return chain.from_iterable(_read(file, *place) for place in places)


def _chunks(run: list[Keyed]) -> Iterator[list[Keyed]]:
    chunk: list[Keyed] = []
    size = 0
    for keyed in run:
        chunk.append(keyed)
        size += len(keyed[1])
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _read(file: IO[bytes], at: int, length: int) -> list[Keyed]:
    file.seek(at)
    found: list[Keyed] = marshal.loads(file.read(length))  # noqa: S302 what this process wrote
    return found
