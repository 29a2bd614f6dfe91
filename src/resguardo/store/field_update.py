"""An update that makes one document of another by naming just the fields that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument

from resguardo.board import document


def field_update(before: bytes, after: bytes, rev: int) -> dict[str, Any] | None:
    """An update that changes just the fields that differ, exact to the byte.

    None where a field's name cannot be said in an update (empty, dots, dollars) or where fields changed places: then
    the document has to be replaced as a whole.
    """
    paths = document.differing(before, after)
    if any(not part or part[0] == "$" or "." in part or "\ufffd" in part for path in paths for part in path):
        return None
    if _as_updated(before, after, paths) != after:
        return None
    sets: list[bytes] = []
    unsets: dict[str, str] = {}
    for path in paths:
        element = _at(after, path)
        if element is None:
            unsets[".".join(path)] = ""
        else:
            sets.append(element.raw[:1] + ".".join(path).encode() + b"\0" + element.value)
    sets.append(b"\x10_rev\0" + rev.to_bytes(4, "little"))
    update: dict[str, Any] = {"$set": RawBSONDocument(document.assemble(sets))}
    if unsets:
        update["$unset"] = unsets
    return update


def _as_updated(before: bytes, after: bytes, paths: Sequence[document.Path]) -> bytes:
    """What MongoDB makes of an update of these paths: known fields keep their places, new ones follow by name."""
    wanted = {element.name.decode(errors="replace"): element for element in document.elements(after)}
    whole = {path[0] for path in paths if len(path) == 1}
    inner: dict[str, list[document.Path]] = {}
    for path in paths:
        if len(path) == 2:
            inner.setdefault(path[0], []).append(path[1:])
    parts: list[bytes] = []
    known: set[str] = set()
    for element in document.elements(before):
        name = element.name.decode(errors="replace")
        known.add(name)
        if name in whole:
            parts.append(wanted[name].raw if name in wanted else b"")
        elif name in inner and name in wanted:
            nested = _as_updated(element.value, wanted[name].value, inner[name])
            parts.append(b"\x03" + element.name + b"\0" + nested)
        else:
            parts.append(element.raw)
    return document.assemble([*parts, *(wanted[name].raw for name in sorted(whole - known))])


def _at(raw: bytes, path: document.Path) -> document.Element | None:
    found = None
    for element in document.elements(raw):
        if element.name == path[0].encode():
            found = element
    if found is None or len(path) == 1:
        return found
    return _at(found.value, path[1:]) if found.type == 0x03 else None
