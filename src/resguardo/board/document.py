"""Documents as bytes: reading and changing single fields of raw BSON without touching the others.

A document may hold what Python cannot: duplicate keys, invalid UTF-8, dates past the year 9999. Decoding and encoding
again would lose it, so a change replaces the bytes of just the fields it names (BSON 1.1, bsonspec.org).

Paths are tuples of at most two names: `("status",)` or `("metadata", "priority")`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

Path = tuple[str, ...]

READABLE: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
"""For looking at documents: never fails on a date or on bad UTF-8, and so is not exact."""

REVISION = b"_rev"
"""The ledger's own field in a stored document; it is no part of the batch."""

_FIXED_SIZES = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
_FIXED_SIZES |= {0xFF: 0, 0x7F: 0}
_SUBDOCUMENTS = (0x03, 0x04)


class Element(NamedTuple):
    """One field: `raw` is its type byte, name and value."""

    name: bytes
    type: int
    raw: bytes

    @property
    def value(self) -> bytes:
        return self.raw[len(self.name) + 2 :]


def elements(raw: bytes) -> Iterator[Element]:
    """The fields of a document in order. Raises `ValueError` on bytes that are no BSON document."""
    if len(raw) < 5 or int.from_bytes(raw[:4], "little") != len(raw) or raw[-1]:
        raise ValueError("not a BSON document")
    at, end = 4, len(raw) - 1
    while at < end:
        name_end = raw.index(0, at + 1)
        stop = name_end + 1 + _value_size(raw, raw[at], name_end + 1)
        if stop > end:
            raise ValueError("a BSON field goes past the end of its document")
        yield Element(raw[at + 1 : name_end], raw[at], raw[at:stop])
        at = stop


def _value_size(raw: bytes, kind: int, at: int) -> int:
    fixed = _FIXED_SIZES.get(kind)
    if fixed is not None:
        return fixed
    if kind == 0x0B:  # a regular expression: two C strings
        return raw.index(0, raw.index(0, at) + 1) + 1 - at
    length = int.from_bytes(raw[at : at + 4], "little", signed=True)
    if length < 0 or at + 4 > len(raw):
        raise ValueError("a BSON length is negative or cut off")
    if kind in (0x03, 0x04, 0x0F):  # documents and code with scope count themselves
        return length
    if kind in (0x02, 0x0D, 0x0E):
        return length + 4
    if kind == 0x05:
        return length + 5
    if kind == 0x0C:  # a DBPointer: a string and an ObjectId
        return length + 16
    raise ValueError(f"unknown BSON type {kind:#x}")


def assemble(parts: Iterable[bytes]) -> bytes:
    """A document made of the `raw` of elements."""
    body = b"".join(parts)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def decode(raw: bytes) -> dict[str, Any]:
    """The document for people to look at; not exact, never fails on what MongoDB can hold."""
    try:
        return bson.decode(raw, READABLE)
    except (BSONError, ValueError, OverflowError, RecursionError):
        return {element.name.decode(errors="replace"): _readable(element) for element in elements(raw)}


def _readable(element: Element) -> Any:
    if element.type == 0x02:
        return element.value[4:-1].decode(errors="replace")
    try:
        return bson.decode(assemble([element.raw]), READABLE).popitem()[1]
    except (BSONError, ValueError, OverflowError, RecursionError):
        return None


def field(raw: bytes, name: str) -> Any:
    """The value of a top-level field, the last of several of one name; None when there is none."""
    wanted, found = name.encode(), None
    places = len(_named(wanted).findall(raw))
    if not places:
        return None
    for element in elements(raw):
        if element.name == wanted:
            found = element
            if places == 1:  # and so it is the last one
                break
    return _readable(found) if found else None


@lru_cache(maxsize=100)
def _named(name: bytes) -> re.Pattern[bytes]:
    """Where a field of this name may be: its type before it. It may also stand inside another field, or in a text."""
    return re.compile(rb"[\x01-\x13\x7f\xff]" + re.escape(name) + rb"\0")


def without(raw: bytes, *names: bytes) -> bytes:
    """The document less its top-level fields of these names."""
    if not any(b"%b\0" % name in raw for name in names):
        return raw
    return assemble(element.raw for element in elements(raw) if element.name not in names)


def with_revision(raw: bytes, rev: int) -> bytes:
    """The document as it is stored: the ledger's field last."""
    return assemble([without(raw, REVISION)[4:-1], b"\x10_rev\0" + struct.pack("<i", rev)])


def split_revision(raw: bytes) -> tuple[bytes, int | None]:
    """A stored document as (the batch's own bytes, its revision or None)."""
    tail = raw[-11:-5]
    if tail == b"\x10_rev\0" and raw.count(b"_rev\0") == 1:  # where it nearly always is
        return assemble([raw[4:-11]]), struct.unpack_from("<i", raw, len(raw) - 5)[0]
    rev = field(raw, "_rev") if b"_rev\0" in raw else None
    return without(raw, REVISION), rev if isinstance(rev, int) and not isinstance(rev, bool) else None


def changed(raw: bytes, sets: Mapping[Path, Any], unsets: Iterable[Path] = ()) -> bytes:
    """The document with these fields set and those gone, all others as they are, byte for byte.

    A field that is there keeps its place; new ones go to the end in the order of their names, as MongoDB's `$set` puts
    them. Setting `("metadata", "x")` makes `metadata` an embedded document if it was none.
    """
    top = {path[0]: value for path, value in sets.items() if len(path) == 1}
    nested: dict[str, dict[Path, Any]] = {}
    for path, value in sets.items():
        if len(path) == 2:
            nested.setdefault(path[0], {})[path[1:]] = value
    gone = {path[0] for path in unsets if len(path) == 1}
    nested_gone: dict[str, set[Path]] = {}
    for path in unsets:
        if len(path) == 2:
            nested_gone.setdefault(path[0], set()).add(path[1:])
    parts: list[bytes] = []
    done: set[str] = set()
    for element in elements(raw):
        name = element.name.decode(errors="surrogateescape")
        if name in gone or (name in done and (name in top or name in nested)):
            continue
        if name in top:
            parts.append(_encoded(name, top[name]))
        elif name in nested or (name in nested_gone and element.type in _SUBDOCUMENTS):
            inner = element.value if element.type in _SUBDOCUMENTS else assemble([])
            inner = changed(inner, nested.get(name, {}), nested_gone.get(name, ()))
            parts.append(b"\x03" + element.name + b"\0" + inner)
        else:
            parts.append(element.raw)
        done.add(name)
    for name in sorted((top.keys() | nested.keys()) - done):
        value = top[name] if name in top else bson.decode(changed(assemble([]), nested[name]), READABLE)
        parts.append(_encoded(name, value))
    return assemble(parts)


def _encoded(name: str, value: Any) -> bytes:
    return bson.encode({name: value})[4:-1]


def differing(before: bytes, after: bytes) -> list[Path]:
    """The paths, at most two names deep, at which two documents differ, in the order they appear."""
    paths: list[Path] = []
    old, new = _grouped(before), _grouped(after)
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) == new.get(name):
            continue
        inner = _inner_difference(old.get(name, ()), new.get(name, ()))
        text = name.decode(errors="replace")
        paths += [(text, *rest) for rest in inner] if inner else [(text,)]
    return paths


def _grouped(raw: bytes) -> dict[bytes, tuple[Element, ...]]:
    found: dict[bytes, tuple[Element, ...]] = {}
    for element in elements(raw):
        found[element.name] = (*found.get(element.name, ()), element)
    return found


def _inner_difference(old: tuple[Element, ...], new: tuple[Element, ...]) -> list[Path]:
    if len(old) == len(new) == 1 and old[0].type == new[0].type == 0x03:
        before, after = _grouped(old[0].value), _grouped(new[0].value)
        names = [*before, *(name for name in after if name not in before)]
        return [(n.decode(errors="replace"),) for n in names if before.get(n) != after.get(n)]
    return []
