"""One process of the embedded server: how it is started, watched, started again and ended.

**It ends with its owner.** On Linux the kernel kills it when the owner dies, even by SIGKILL. Told by SIGTERM, which it
now and then ignores, it stayed for hours with nobody to see to it; what was acknowledged is on disk either way. The
kernel takes the *thread* that created a child for its parent, so each server has a thread of its own that creates it
and waits for it. Elsewhere, `server.json` tells the next owner which server to end (`end_orphan`).

**It is started again.** A server that dies although nobody ended it comes back on the same port, so that clients find
it again by themselves. Nothing acknowledged is lost by that: `--sync-on-commit`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from resguardo.config import child_environment
from resguardo.errors import Unavailable, Usage
from resguardo.files import make_private_folder, write_bytes

PROGRAM = "secantusd-py"
START_SECONDS = 30.0
STOP_SECONDS = 6.0
"""Killing a server that takes longer loses nothing: `--sync-on-commit`."""
SIGNAL_SECONDS = 0.05
ASK_AGAIN_SECONDS = 0.5
LOG_BYTES = 10_000_000

_NEW_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Windows only; elsewhere the child gets a session of its own."""

# Arguments: the owner's process id, the program, its arguments. The owner may have died before prctl was called.
_DIE_WITH_OWNER = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Record:
    """`server.json`: a server and the process that owns it. `started` in seconds since 1970."""

    uri: str
    port: int
    pid: int
    owner: int
    started: float
    ready: bool


class ServerFiles:
    """Where everything of a server lies in the data folder."""

    def __init__(self, data: Path) -> None:
        self.db = data / "db"
        self.config = self.db / "secantusd.toml"
        self.password = data / "db.password"
        self.record = data / "server.json"
        self.log = data / "log" / "secantus.log"
        self.log_start = 0

    def make(self) -> None:
        make_private_folder(self.db)
        make_private_folder(self.log.parent)
        # Empty, and always named: else the server would obey one from the home folder or /etc.
        self.config.touch(mode=0o600)
        self.log.touch(mode=0o600)

    def begin_log(self) -> None:
        if self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
            self.log.touch(mode=0o600)
        self.log_start = self.log.stat().st_size

    def read_record(self) -> Record | None:
        try:
            return Record(**json.loads(self.record.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def failed(self, why: str) -> Unavailable:
        """An error with the end of what the server wrote to its log since this start."""
        said = self.log.read_bytes()[self.log_start :][-2000:].decode("utf-8", "replace").strip()
        return Unavailable(
            "La base de datos incluida {why}. Lo último de su registro: {said}",
            hint="El registro completo está en {log}",
            why=why,
            said=said or "(nada)",
            log=str(self.log),
        )


class ServerProcess:
    """One server on one port. `uri` is what `server.json` tells others."""

    def __init__(self, files: ServerFiles, port: int, uri: str, *, auth: bool) -> None:
        self.port = port
        self._files = files
        self._uri = uri
        self._command = _command(files, port, auth=auth)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()
        self._created = threading.Event()
        self._ready = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="embedded-server", daemon=True)
        self._thread.start()
        self._created.wait()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_until_it_listens(self) -> bool:
        """False when it ended instead. Raises `Unavailable` when it does neither in time."""
        limit = time.monotonic() + START_SECONDS
        while self.alive():
            if _listens(self.port):
                return self.alive()
            if time.monotonic() > limit:
                raise self._files.failed("no contesta")
            time.sleep(0.02)
        return False

    def ready(self) -> None:
        """From now on others may use it, and it is started again when it dies."""
        with self._guard:
            self._ready = True
            self._announce()

    def end(self) -> None:
        """SIGTERM, then SIGKILL. The record goes first, so that nobody begins to use the server meanwhile."""
        with self._guard:
            self._ended.set()
            self._files.record.unlink(missing_ok=True)
        if self._process is not None and self.alive():
            self._terminate(self._process)
            self._process.kill()
        self._thread.join()

    def _terminate(self, process: subprocess.Popen[bytes]) -> None:
        """Ask it to end and wait, for STOP_SECONDS at most.

        A connection that comes in at the very moment of the signal may keep it from the main thread, which is the
        one that acts on it: the thread that accepts connections takes it while it creates another. So a server
        that still listens after a while is asked again. Once it acts, that thread has to be woken by a connection;
        else it waits two seconds for it.
        """
        limit = time.monotonic() + STOP_SECONDS
        while self.alive() and time.monotonic() < limit:
            process.terminate()
            _wait_until(lambda: not self.alive(), SIGNAL_SECONDS)
            _wait_until(lambda: not self.alive() or not _listens(self.port), ASK_AGAIN_SECONDS)
            if not _listens(self.port):
                _wait_until(lambda: not self.alive(), limit - time.monotonic())

    def _watch(self) -> None:
        pause = 0.5
        while True:
            began = time.monotonic()
            try:
                self._create()
            finally:
                self._created.set()
            if self._process is not None:
                self._process.wait()
            pause = 0.5 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            if not self._ready or self._ended.wait(pause):
                return

    def _create(self) -> None:
        if not self._files.db.is_dir():  # its folder was removed: there is nothing left to serve
            self._ended.set()
            return
        with self._guard, self._files.log.open("ab") as log:
            if self._ended.is_set():
                return
            try:
                self._process = _popen(self._command, log.fileno())
            except OSError as error:
                log.write(f"{error}\n".encode())
            else:
                # Without the record others do not find the server; its owner can still use it.
                with suppress(OSError):
                    self._announce()

    def _announce(self) -> None:
        record = Record(self._uri, self.port, self.pid or 0, os.getpid(), time.time(), self._ready)
        write_bytes(self._files.record, json.dumps(asdict(record), indent=2).encode())


def find_program() -> str:
    """The server's program: beside this Python, else on PATH. Raises `Usage` saying how to get it."""
    folders = [str(Path(sys.executable).parent), child_environment().get("PATH", os.defpath)]
    program = shutil.which(PROGRAM, path=os.pathsep.join(folders))
    if program is None:
        raise Usage(
            "No hay ninguna MongoDB configurada y la base de datos incluida no está instalada.",
            hint='Instálala con pip install "resguardo[embedded]", o indica tu MongoDB en RESGUARDO_MONGODB_URI.',
        )
    return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def process_exists(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # There, os.kill(pid, 0) would end it.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid > 0


def end_orphan(files: ServerFiles, answers: Callable[[str], bool]) -> None:
    """End the server that a dead owner left, if any. The caller holds the folder's lock: nobody else owns one.

    It may be on its way out already: on Linux the kernel ends it. A process that merely got the number of
    a server of ours is left alone: its command line says so, or, where that cannot be seen, that the server does
    not take our password (`answers`).
    """
    record = files.read_record()
    if record is not None and record.pid > 0:

        def gone() -> bool:
            return not _is_server(record.pid, files, lambda: answers(record.uri))

        steps = (None, signal.SIGTERM, signal.SIGKILL) if sys.platform == "linux" else (signal.SIGTERM,)
        for step in steps:
            if gone():
                break
            if step is not None:
                with suppress(ProcessLookupError):
                    os.kill(record.pid, step)
            _wait_until(gone, STOP_SECONDS)
    files.record.unlink(missing_ok=True)


def _is_server(pid: int, files: ServerFiles, answers: Callable[[], bool]) -> bool:
    if not Path("/proc/self/cmdline").exists():
        return process_exists(pid) and answers()
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--storage-path" in arguments and os.fsencode(files.db) in arguments


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.02)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _command(files: ServerFiles, port: int, *, auth: bool) -> list[str]:
    command = [find_program(), "--config", str(files.config), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(files.db), "--sync-on-commit", "--log-level", "WARNING"]
    return [*command, "--auth"] if auth else command


def _popen(command: list[str], log: int) -> subprocess.Popen[bytes]:
    """A child in a process group of its own: Ctrl-C in a terminal is for its owner, who then ends it."""
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _DIE_WITH_OWNER, str(os.getpid()), *command]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=child_environment(),
        start_new_session=sys.platform != "win32",
        creationflags=_NEW_GROUP,
    )
