"""Durable file operations: what has returned survives a power cut.

Order of `write_atomically`, and what a crash leaves after each step:

1. create `.<name>.<random>.partial` in the same folder    the old file, and a leftover known by its name
2. write it, fsync it                                      the same
3. rename it over `path`                                   the old or the new file, never a mixture
4. fsync the folder                                        the new file

An error before step 3 removes the temporary file and leaves the old one. An error in step 4 is raised although
the new file can be seen: it is not sure to survive.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from resguardo.errors import Locked

PARTIAL = ".partial"
LOCK_NAME = ".lock"


@contextmanager
def write_atomically(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A new file that becomes `path`, whole and durable, when the block ends without an error."""
    temporary = path.with_name(f".{path.name[:50]}.{secrets.token_hex(8)}{PARTIAL}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    fsync_folder(path.parent)


class GrowingFile:
    """A new file that only grows; what `append` has returned for survives a power cut.

    Made, and its name in the folder fsynced, before anything is appended. A crash within `append` leaves any part of
    what was being written at the end of the file, or none. After an error nothing more may be appended: the kernel may
    have dropped pages that it could not write, and a second fsync would not say so again (the fsync trouble of
    PostgreSQL in 2018). Close it and go on in another one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o600)
        self.size = 0
        try:
            fsync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Raises `OSError`; what was written of `data` is cut off again where that is possible."""
        try:
            self._write(data)
            self._fsync()
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _fsync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        """May be called more than once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, made if it is not there; durable when this returns.

    A crash leaves all of the line, a part of it at the end of the file, or nothing: the reader leaves out a last line
    without a line break, and the next line begins behind it on one of its own.
    """
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if not size:
        fsync_folder(path.parent)


def write_bytes(path: Path, data: bytes, mode: int = 0o600) -> None:
    with write_atomically(path, mode) as file:
        file.write(data)


def is_leftover(path: Path) -> bool:
    """Whether an interrupted `write_atomically` left this file, or a running one is still writing it."""
    return path.name.startswith(".") and path.name.endswith(PARTIAL)


def fsync_folder(path: Path) -> None:
    """Make the names in a folder durable: files created, renamed and removed there."""
    if sys.platform == "win32":
        return  # Windows cannot open a folder for this; NTFS journals names by itself.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(path: Path) -> None:
    """Create a folder, and those above it, that only this account can enter; one that exists becomes so too.

    Folders above it that exist already are left as they are.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        fsync_folder(folder.parent)
    if path.stat().st_mode & 0o777 != 0o700:
        path.chmod(0o700)


class FolderLock:
    """An exclusive hold on a folder, for as long as the block runs or until `release`.

    The operating system holds the lock on `<folder>/.lock` and gives it up when the process ends, however it
    ends. The process id in the file only serves the message: the file stays behind, and a stale one blocks nobody.
    Raises `Locked` naming the holder, another `FolderLock` of this process included.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_NAME
        self._descriptor: int | None = None

    def acquire(self) -> Self:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            holder = os.read(descriptor, 20)
            os.close(descriptor)
            raise Locked(
                "El proceso {pid} ya está usando la carpeta {folder}.",
                hint="Espera a que termine o ciérralo, e inténtalo de nuevo.",
                pid=holder.decode("ascii", "replace").strip() or "?",
                folder=str(self.path.parent),
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        """May be called more than once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A byte far behind the text: Windows would not let others read a locked one.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
