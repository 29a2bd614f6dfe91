"""The embedded server: SecantusDB, a separate program, run on loopback with a password of its own.

In the data folder: `db/` (its files, mode 0700, held by a `FolderLock`), `db.password`, `log/secantus.log`, and,
while it runs, `server.json`, by which other commands find it (both 0600).

**Password.** SecantusDB takes its first user only from a run without `--auth`. So: write `db.password`, run without
`--auth` and make the user (or give the one there is this password), end it, run with `--auth`. Whenever the password
does not fit, these steps are done again; that heals a crash between any two of them, and a lost `db.password`. While
they run, for about half a second, any account of this machine that guesses the port can get in.

**Owner.** The process that started the server owns it, and the folder with it. Others use it (`find_running`) for as
long as the owner runs. A server whose owner died is not adopted: it is waited for, then ended, and a new one started
(`server_process`).
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from resguardo.errors import Unavailable
from resguardo.files import FolderLock, write_bytes
from resguardo.store.server_process import (
    ServerFiles,
    ServerProcess,
    end_orphan,
    find_program,
    free_port,
    process_exists,
)

USER = "resguardo"
ANSWER_SECONDS = 15.0
FIND_SECONDS = 2.0
ATTEMPTS = 3
"""A free port may be taken by somebody else before the server has it."""

AUTHENTICATION_FAILED = 18
USER_EXISTS = 51003


class EmbeddedServer:
    """A running server. Made by `EmbeddedServer.start`; `stop` it, or use it in a `with` block."""

    def __init__(self, data: Path) -> None:
        self._files = ServerFiles(data)
        self._lock = FolderLock(self._files.db)
        self._password = ""
        self._process: ServerProcess | None = None

    @classmethod
    def start(cls, data: Path) -> Self:
        """Start a server on `data/db`; it takes our password when this returns.

        Raises `Usage` when the program is not installed, `Locked` when another process has the folder, and
        `Unavailable`, with the end of the server's log, when it ends or does not answer within 30 seconds.
        """
        find_program()
        server = cls(data.absolute())
        server._files.make()
        server._lock.acquire()
        try:
            server._start()
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def uri(self) -> str:
        return _uri(self._running.port, self._password)

    @property
    def pid(self) -> int | None:
        """The server's process id: another one after it died and was started again."""
        return self._running.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def stop(self) -> None:
        """Ask the server to end, make it end when it does not, let go of the folder. May be called again."""
        self._end_process()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _running(self) -> ServerProcess:
        if self._process is None:
            raise Unavailable("La base de datos incluida está detenida.")
        return self._process

    def _start(self) -> None:
        end_orphan(self._files, lambda uri: _answers(uri, FIND_SECONDS))
        self._files.begin_log()
        known = self._files.password.exists() and (self._files.db / "WiredTiger").exists()
        if not self._files.password.exists():
            write_bytes(self._files.password, secrets.token_urlsafe(32).encode())
        self._password = self._files.password.read_text("ascii").strip()
        if not (known and self._let_in()):
            self._make_user()
            if not self._let_in():
                raise self._files.failed("no acepta su contraseña")
        self._running.ready()

    def _let_in(self) -> bool:
        """Run the server with `--auth`. Whether it takes our password; when not, it is ended again."""
        process = self._launch(auth=True)
        try:
            with _client(_uri(process.port, self._password), ANSWER_SECONDS) as client:
                client.admin.command("ping")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise self._files.failed("no contesta") from error
            self._end_process()
            return False
        except PyMongoError as error:
            raise self._files.failed("no contesta") from error
        return True

    def _make_user(self) -> None:
        process = self._launch(auth=False)
        try:
            with _client(f"mongodb://127.0.0.1:{process.port}/?directConnection=true", ANSWER_SECONDS) as client:
                _set_password(client, self._password)
        except PyMongoError as error:
            raise self._files.failed("no acepta su contraseña") from error
        finally:
            self._end_process()

    def _launch(self, *, auth: bool) -> ServerProcess:
        for attempt in range(1, ATTEMPTS + 1):
            port = free_port()
            process = self._process = ServerProcess(self._files, port, _uri(port, self._password), auth=auth)
            if process.wait_until_it_listens():
                return process
            self._end_process()
            time.sleep(0.1 * attempt)
        raise self._files.failed("terminó al arrancar")

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


def find_running(data: Path) -> str | None:
    """The URI of a server that some process runs on this folder and that takes our password, else None.

    Takes at most about two seconds; within them it waits for a server that is just starting.
    """
    files = ServerFiles(data.absolute())
    limit = time.monotonic() + FIND_SECONDS
    while (record := files.read_record()) is not None and process_exists(record.owner):
        left = limit - time.monotonic()
        if record.ready:
            return record.uri if _answers(record.uri, max(left, 0.2)) else None
        if left < 0:
            return None
        time.sleep(0.05)
    return None


def _uri(port: int, password: str) -> str:
    """The password is URL-safe as it is."""
    options = "authSource=admin&authMechanism=SCRAM-SHA-256&directConnection=true&retryWrites=false"
    return f"mongodb://{USER}:{password}@127.0.0.1:{port}/?{options}"


def _client(uri: str, seconds: float) -> MongoClient[dict[str, Any]]:
    wait = int(seconds * 1000)
    return MongoClient(uri, serverSelectionTimeoutMS=wait, connectTimeoutMS=wait, socketTimeoutMS=wait)


def _answers(uri: str, seconds: float) -> bool:
    try:
        with _client(uri, seconds) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _set_password(client: MongoClient[dict[str, Any]], password: str) -> None:
    try:
        client.admin.command("createUser", USER, pwd=password, roles=["root"])
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        client.admin.command("updateUser", USER, pwd=password)
