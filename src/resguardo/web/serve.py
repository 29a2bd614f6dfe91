"""Serving the board: granian in front, the embedded server, if any, behind.

This process owns the embedded server, makes the board ready (indexes, adoption, recovery, the first lead), and then
starts one worker process, which answers. The worker is spawned, not forked: a MongoDB client must not be inherited.
It gets the settings and the database's address as arguments, and ends when this process has gone, however it went.
A worker that ends although nobody asked it to (killed for want of memory, say) is followed by another, and that is said
on stderr; one that does so again within seconds ends the whole, with an error.
Stopping (SIGTERM, SIGINT): the worker first, for at most `STOP_SECONDS`, then the database. Nothing acknowledged needs
the worker to end well.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any, Final

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from resguardo import auth
from resguardo.config import Settings
from resguardo.errors import Unavailable
from resguardo.jobs import Jobs
from resguardo.ledger.adopt import adopt
from resguardo.ledger.catch_up import catch_up, refuse_lost_database
from resguardo.ledger.lookout import Lookout
from resguardo.ledger.record import Ledger
from resguardo.ledger.recover import recover
from resguardo.ledger.upkeep import Upkeep
from resguardo.ledger.watch import Watch
from resguardo.mail.alarm import Answer
from resguardo.mail.post import Post
from resguardo.status import report
from resguardo.store import Store, open_store
from resguardo.store.connect import translated
from resguardo.store.embedded import EmbeddedServer
from resguardo.vault.fill import refuse_half_restored
from resguardo.web.api_mail import POST
from resguardo.web.app import create_app
from resguardo.web.remembered import NAME as REMEMBERED

THREADS: Final = 300
"""Each open board holds one for its stream of events."""
STOP_SECONDS: Final = 3
START_SECONDS: Final = 60.0

Progress = Callable[[int, int], None]


def serve(
    settings: Settings, *, on_ready: Callable[[], None] | None = None, progress: Progress = lambda done, total: None
) -> None:
    """Answer until SIGTERM or SIGINT. Prints the address, and a one-time link where no lead has a password.

    Raises `Usage`, `Locked`, `Unavailable`. `progress` is told how many documents of how many were adopted.
    """
    signal.signal(signal.SIGTERM, _leave)
    port = _bindable(settings)
    with _database(settings) as uri:
        with open_store(settings, uri) as store:
            link = prepare(settings, store, progress)
        address = f"http://{_reachable(settings.host)}:{port}"
        server = Granian(
            "resguardo",
            address=settings.host,
            port=port,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=THREADS,
            workers_kill_timeout=STOP_SECONDS,
            respawn_failed_workers=True,
            log_level=LogLevels.error,
        )
        multiprocessing.set_start_method("spawn", force=True)
        announce = partial(_announce, address, link, on_ready)
        threading.Thread(target=announce, name="announce", daemon=True).start()
        begun = multiprocessing.Event()
        try:
            server.serve(target_loader=partial(load_worker, settings, uri, begun), wrap_loader=False)
        except SystemExit as end:
            if end.code:
                raise Unavailable(
                    "El proceso que atiende el tablero terminó de golpe dos veces seguidas.",
                    hint="Lo confirmado sigue guardado. Revisa la memoria del servidor y vuelve a iniciarlo.",
                ) from end
            raise


def prepare(settings: Settings, store: Store, progress: Progress = lambda done, total: None) -> str | None:
    """Make a board ready to be served. Returns the path of the first lead's one-time link, if there is one."""
    store.connection.ping()
    with translated():
        refuse_half_restored(store)
        store.ensure_indexes()
        ledger = Ledger(store, settings.zone)
        refuse_lost_database(store, ledger.journal)
        catch_up(ledger, starting=True)
        recover(store, ledger)
        adopt(store, ledger, progress)
        ledger.journal.close()
        return auth.ensure_first_lead(store, settings, ledger.now())


def load_worker(settings: Settings, uri: str, begun: Event) -> Any:
    """The application, in its own process, for as long as that lives. `begun` is set where it is not the first."""
    _end_with_parent()
    if begun.is_set():
        sys.stderr.write(
            "El proceso que atendía el tablero terminó de golpe, quizá por falta de memoria; otro tomó su lugar. "
            "Lo confirmado sigue guardado. Si se repite, revisa la memoria del servidor.\n"
        )
        sys.stderr.flush()
    begun.set()
    holder = open_store(settings, uri)
    store = holder.__enter__()
    ledger = Ledger(store, settings.zone)
    watch = Watch(store, ledger)
    watch.start()
    Upkeep(ledger).start()
    Lookout(store, ledger).start()
    Jobs(settings, ledger).start()
    post = Post(settings, ledger, partial(_answer, settings, ledger))
    post.start()
    app = create_app(settings, store, ledger, watch)
    app.extensions[REMEMBERED].watch(store)
    app.extensions[POST] = post
    app.extensions["resguardo.connection"] = holder  # closing it would end the board
    return app


def _answer(settings: Settings, ledger: Ledger, now: datetime) -> Answer:
    found = report(settings, ledger.store, ledger.journal, now)
    return Answer(found.safe, [asdict(line) for line in found.lines if line.state == "red"])


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        # What `join` waits for may be held open by others that the parent has started since.
        while parent.is_alive() and (sys.platform == "win32" or os.getppid() == parent.pid):
            parent.join(1)
        if sys.platform != "win32":
            # The kernel's own: no thread runs any more where Python waits, at its end, for what hangs on MongoDB.
            signal.alarm(STOP_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    if settings.mongodb_uri is not None:
        yield settings.mongodb_uri.get_secret_value()
        return
    with EmbeddedServer.start(settings.data) as server:
        yield server.uri


def _leave(number: int, frame: FrameType | None) -> None:
    """Before granian listens for it: leave in order, so that the database is stopped."""
    raise SystemExit(0)


def _bindable(settings: Settings) -> int:
    """The port to listen on, a free one for 0. Raises `Unavailable` when somebody else has it."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise Unavailable(
            "No se puede escuchar en {host}:{port}: {why}.",
            hint="Elige otro puerto con --port.",
            host=settings.host,
            port=settings.port,
            why=error.strerror or str(error),
        ) from error


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - asked for, and only shown here
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _announce(address: str, link: str | None, on_ready: Callable[[], None] | None) -> None:
    limit = time.monotonic() + START_SECONDS
    while not _answers(address):
        if time.monotonic() > limit:
            sys.stderr.write(f"El tablero no contesta en {address}.\n")
            return
        time.sleep(0.05)
    sys.stdout.write(f"Resguardo: {address}\n")
    if link is not None:
        sys.stdout.write(f"Primera entrada (una vez, 24 horas): {address}{link}\n")
    sys.stdout.flush()
    if on_ready is not None:
        on_ready()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except OSError:
        return False
