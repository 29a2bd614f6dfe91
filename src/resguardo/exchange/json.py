"""Batches as plain JSON for programs: `json.load(f)["batches"]`. Lossy, as no archive is."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

CHUNK: Final = 32 * 1024
_OPTIONS: Final = orjson.OPT_NON_STR_KEYS


def stream(about: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], name: str = "batches") -> Iterator[bytes]:
    """The file in pieces of about 32 KiB, a line per row behind the keys of `about`. One row is held at a time."""
    return joined(about, map(line, rows), name)


def line(row: Mapping[str, Any]) -> bytes:
    """A row as `stream` writes it."""
    return _written(row)


def joined(about: Mapping[str, Any], lines: Iterable[bytes], name: str = "batches") -> Iterator[bytes]:
    """The file of finished lines. What stands before them goes out first."""
    buffer = bytearray(b"{")
    for key, value in about.items():
        buffer += orjson.dumps(key) + b": " + _written(value) + b",\n"
    yield bytes(buffer) + orjson.dumps(name) + b": ["
    buffer.clear()
    before = b"\n"
    for one in lines:
        buffer += before + one
        before = b",\n"
        if len(buffer) >= CHUNK:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer) + b"\n]}\n"


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value, _readable, _OPTIONS)
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits, half a surrogate pair, very deep
        return orjson.dumps(_shown(value), _readable, _OPTIONS)


def _readable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _shown(value: Any, depth: int = 0) -> Any:
    if isinstance(value, Mapping) and depth < 100:
        return {_text(str(key)): _shown(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple) and depth < 100:
        return [_shown(part, depth + 1) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    return text.encode(errors="replace").decode()
