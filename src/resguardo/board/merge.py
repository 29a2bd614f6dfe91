"""Parts of documents: where two differ, and putting single parts of one into another, byte for byte.

A part is what lies at a path of one name or two: all elements of that name, so that a name taken twice is one part.
Names are bytes, since a document may hold names that are no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from resguardo.board import document
from resguardo.board.document import Element

Path = tuple[bytes, ...]
EMPTY: Final = document.assemble([])
_DOCUMENT: Final = 0x03


def name_of(path: Path) -> str:
    """The path as people read it: `metadata.priority`."""
    return ".".join(name.decode(errors="replace") for name in path)


def changed_paths(before: bytes, after: bytes) -> list[Path]:
    """Where two documents differ, in the order of `before`, then of `after`.

    An embedded document that only one of them has is told field by field too, so that two people who each added a
    field to it have changed different things.
    """
    old, new = _grouped(before), _grouped(after)
    paths: list[Path] = []
    for name in _names(old, new):
        if _joined(old.get(name, ())) != _joined(new.get(name, ())):
            inner = _inner_paths(old.get(name, ()), new.get(name, ()))
            paths += [(name, within) for within in inner] if inner else [(name,)]
    return paths


def part(raw: bytes, path: Path) -> bytes | None:
    """The bytes at a path, names included; empty where there is nothing, None where no such place can be."""
    found = _grouped(raw).get(path[0], ())
    if len(path) == 1 or not found:
        return _joined(found)
    inner = _inner(found)
    return None if inner is None else part(inner, path[1:])


def readable(raw: bytes, path: Path) -> Any:
    """The value at a path for people to look at; None where there is nothing."""
    found = part(raw, path)
    return document.decode(document.assemble([found])).popitem()[1] if found else None


def transplanted(current: bytes, source: bytes, paths: Iterable[Path]) -> bytes:
    """`current` with the parts at these paths as they are in `source`, and gone where that has none.

    A part that is there keeps its place. One that returns goes behind what it stood behind in `source`.
    """
    new: dict[bytes, bytes] = {}
    nested: dict[bytes, list[bytes]] = {}
    for path in paths:
        if len(path) == 1:
            new[path[0]] = part(source, path) or b""
        else:
            nested.setdefault(path[0], []).append(path[1])
    for name, names in nested.items():
        new[name] = _merged_inside(current, source, name, names)
    return _replaced(current, source, new)


def _merged_inside(current: bytes, source: bytes, name: bytes, names: list[bytes]) -> bytes:
    there = _grouped(source).get(name, ())
    wanted = _inner(there) or EMPTY
    inner = _inner(_grouped(current).get(name, ())) or EMPTY
    merged = _replaced(inner, wanted, {one: part(wanted, (one,)) or b"" for one in names})
    # An embedded document that was made for these fields goes with the last of them.
    return b"" if merged == EMPTY and not there else b"\x03" + name + b"\0" + merged


def _replaced(current: bytes, source: bytes, new: Mapping[bytes, bytes]) -> bytes:
    parts: list[tuple[bytes, bytes]] = []
    placed: set[bytes] = set()
    for element in document.elements(current):
        if element.name not in new:
            parts.append((element.name, element.raw))
        elif element.name not in placed:
            parts.append((element.name, new[element.name]))
            placed.add(element.name)
    order = list(_grouped(source))
    for name in order:
        if name in new and name not in placed:
            parts.insert(_place(parts, order, name), (name, new[name]))
    return document.assemble(raw for _, raw in parts)


def _place(parts: list[tuple[bytes, bytes]], order: list[bytes], name: bytes) -> int:
    own = order.index(name)
    last = {known: at for at, (known, _) in enumerate(parts)}
    for before in reversed(order[:own]):
        if before in last:
            return last[before] + 1
    first = {known: at for at, (known, _) in reversed(list(enumerate(parts)))}
    return next((first[after] for after in order[own + 1 :] if after in first), len(parts))


def _names(old: Mapping[bytes, Any], new: Mapping[bytes, Any]) -> list[bytes]:
    return [*old, *(name for name in new if name not in old)]


def _grouped(raw: bytes) -> dict[bytes, list[Element]]:
    found: dict[bytes, list[Element]] = {}
    for element in document.elements(raw):
        found.setdefault(element.name, []).append(element)
    return found


def _joined(found: Iterable[Element]) -> bytes:
    return b"".join(element.raw for element in found)


def _inner(found: Iterable[Element]) -> bytes | None:
    """The one embedded document that these elements are."""
    elements = list(found)
    return elements[0].value if len(elements) == 1 and elements[0].type == _DOCUMENT else None


def _inner_paths(old: Iterable[Element], new: Iterable[Element]) -> list[bytes]:
    sides = [EMPTY if not list(side) else _inner(side) for side in (old, new)]
    if sides[0] is None or sides[1] is None:
        return []
    before, after = _grouped(sides[0]), _grouped(sides[1])
    return [name for name in _names(before, after) if _joined(before.get(name, ())) != _joined(after.get(name, ()))]
