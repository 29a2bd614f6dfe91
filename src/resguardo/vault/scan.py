"""Finding the values in a JSON text of any size, without holding more than one of them.

Only the structure is read here, strings and brackets; what a value says is parsed by orjson, the same parser that the
writer of an archive compared bytes with. ijson was rejected: its C backend crashes the process on a whole number of
more than 4,300 digits, and half a surrogate pair silently becomes "?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any, Final

import orjson

CHUNK: Final = 256 * 1024
LONGEST: Final = 128 * 1024**2
"""Bytes of one value. A document of 16 MB takes 96 MB when each of its characters needs an escape."""
LONGEST_SCALAR: Final = 10_000
"""Bytes of a number, true, false or null; no number that is kept has as many digits."""
DEEPEST: Final = 100
"""Levels inside one value; MongoDB takes no more."""

_BLANK = re.compile(rb"[ \t\n\r]*")
# Possessive: a long string must not pile up places to go back to. A string cut off has an empty last group.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{}]', re.DOTALL)
_SCALAR = re.compile(rb"[-+.\w]+")
_CLOSER = {ord("["): ord("]"), ord("{"): ord("}")}
_BOM = b"\xef\xbb\xbf"


class Malformed(ValueError):
    """Not JSON, from the byte at `offset` on."""

    def __init__(self, why: str, offset: int) -> None:
        super().__init__(why)
        self.why = why
        self.offset = offset


class TooLong(Malformed):
    """One value is longer than `LONGEST`."""


class Text:
    """A place in a JSON text, which moves forward only."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._buffer = b""
        self._at = 0
        self._base = 0
        self.deepest = DEEPEST
        if self._more() and self._buffer.startswith(_BOM):
            self._at = len(_BOM)

    @property
    def offset(self) -> int:
        return self._base + self._at

    def line(self, offset: int) -> int:
        """The line of a byte, from 1. Reads the file from its beginning: for messages only."""
        self._file.seek(0)
        lines = 1
        while offset > 0 and (chunk := self._file.read(min(offset, CHUNK))):
            lines += chunk.count(b"\n")
            offset -= len(chunk)
        return lines

    def _more(self) -> bool:
        """Drop what was read and fetch at least as much as waits, so that a long value costs linear time."""
        self._buffer, self._base = self._buffer[self._at :], self._base + self._at
        self._at = 0
        self._file.seek(self._base + len(self._buffer))
        chunk = self._file.read(max(CHUNK, len(self._buffer)))
        self._buffer += chunk
        return bool(chunk)

    def peek(self) -> bytes:
        """The next byte that is not blank; empty at the end."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._more():
                return b""

    def take(self, byte: bytes) -> None:
        found = self.peek()
        if found != byte:
            raise self._unexpected(found, byte.decode())
        self._at += 1

    def _unexpected(self, found: bytes, wanted: str) -> Malformed:
        if not found:
            return Malformed("está cortado", self.offset)
        return Malformed(f"se esperaba «{wanted}» y hay «{found.decode(errors='replace')}»", self.offset)

    def value(self) -> bytes:
        """The bytes of the next value; its brackets match, nothing else about it is sure."""
        first = self.peek()
        end = self._nested_end() if first in (b"{", b"[", b'"') and first else self._scalar_end()
        found = self._buffer[self._at : end]
        self._at = end
        return found

    def _scalar_end(self) -> int:
        while True:
            match = _SCALAR.match(self._buffer, self._at)
            end = match.end() if match else self._at
            if end - self._at > LONGEST_SCALAR:
                raise Malformed("un número es demasiado largo", self.offset)
            if end < len(self._buffer) or not self._more():
                break
        if end == self._at:
            raise self._unexpected(self.peek(), "un valor")
        return end

    def _nested_end(self) -> int:
        closers = bytearray()
        at = self._at
        while True:
            for token in _STRUCTURE.finditer(self._buffer, at):
                if not self._step(token, closers):
                    at = token.start()
                    break
                if not closers:
                    return token.end()
            else:
                at = len(self._buffer)
            if len(self._buffer) - self._at > LONGEST:
                raise TooLong("un valor es demasiado grande", self.offset)
            at -= self._at
            if not self._more():
                raise Malformed("está cortado", self._base + len(self._buffer))

    def _step(self, token: re.Match[bytes], closers: bytearray) -> bool:
        """Count one string or bracket. False for a string that goes on behind the buffer."""
        byte = self._buffer[token.start()]
        if byte in _CLOSER:
            closers.append(_CLOSER[byte])
            if len(closers) > self.deepest:
                raise Malformed(f"hay más de {self.deepest} niveles, uno dentro de otro", self._base + token.start())
        elif byte != ord('"'):
            if not closers or closers.pop() != byte:
                raise Malformed(f"sobra «{chr(byte)}»", self._base + token.start())
        elif not token[1]:
            return False
        return True

    def members(self) -> Iterator[str]:
        """The keys of an object. Whoever asks takes the value of each before asking for the next."""
        self.take(b"{")
        if self.peek() == b"}":
            return self.take(b"}")
        seen: set[str] = set()
        while True:
            at = self.offset
            if self.peek() != b'"':
                raise self._unexpected(self.peek(), '"')
            key = self._key(at)
            if key in seen:
                raise Malformed(f"la clave «{key[:60]}» está dos veces", at)
            seen.add(key)
            self.take(b":")
            yield key
            if self.peek() == b"}":
                return self.take(b"}")
            self.take(b",")

    def _key(self, at: int) -> str:
        try:
            key: Any = orjson.loads(self.value())
        except ValueError as error:
            raise Malformed("una clave no es texto válido", at) from error
        return str(key)

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """(offset, bytes) of each element of a list."""
        self.take(b"[")
        if self.peek() == b"]":
            return self.take(b"]")
        while True:
            self.peek()
            at = self.offset
            yield at, self.value()
            if self.peek() == b"]":
                return self.take(b"]")
            self.take(b",")
