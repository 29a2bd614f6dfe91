"""What the measurements stand on: a team's batches, a database that holds them, a served board, a fresh process."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import bson
from pymongo import MongoClient

from resguardo import auth
from resguardo.board.batch import PRIORITIES
from resguardo.config import Settings
from resguardo.demo import COMMENTS, PEOPLE
from resguardo.ledger.adopt import adopt
from resguardo.ledger.record import Ledger
from resguardo.store import open_store
from resguardo.store.embedded import EmbeddedServer

PROGRAM = "from resguardo.config import load; from resguardo.web.serve import serve; serve(load())"
PASSWORD = "correcto caballo"
DATABASE = "segmentacion_db"


def documents(count: int, unassigned: float = 0.1) -> Iterator[dict[str, Any]]:
    """A team's batches as the old system holds them, the same every time."""
    chance = random.Random(429)
    start = date(2026, 1, 1)
    for number in range(1, count + 1):
        name = f"batch_{number:06d}F"
        person = None if chance.random() < unassigned else chance.choice(PEOPLE)
        done = 0 if person is None or chance.random() < 0.4 else chance.randint(1, 40)
        day = start + timedelta(days=chance.randint(0, 300))
        yield {
            "_id": bson.ObjectId(),
            "id": name,
            "assignee": person,
            "status": "NS" if done == 0 else "S" if done == 40 else "In",
            "folder": f"/datos/segmentacion/{name}",
            "mongo_uploaded": chance.random() < 0.5,
            "comments": chance.choice(COMMENTS),
            "metadata": {
                "assigned_at": f"{day} 10:30:00" if person else "",
                "due_date": str(day + timedelta(days=30)),
                "priority": chance.choice(PRIORITIES),
                "review_status": "Aprobado" if done == 40 else "Pendiente",
                "total_masks": 40,
                "completed_masks": done,
            },
        }


def yesterday() -> datetime:
    """A clock for what was on the board long before the measurement: what is new costs a backup more."""
    return datetime.now(UTC) - timedelta(days=1)


@contextmanager
def empty() -> Iterator[Settings]:
    """An embedded server that holds nothing, in a folder of its own.

    `TMPDIR=/dev/shm` keeps a slow or busy disk out of the measurement.
    """
    with tempfile.TemporaryDirectory(prefix="resguardo-bench-") as folder:
        data = Path(folder)
        with EmbeddedServer.start(data) as server:
            yield Settings(data=data, mongodb_uri=server.uri, database=DATABASE)


@contextmanager
def database(batches: int, *, adopted: bool = True, unassigned: float = 0.1) -> Iterator[Settings]:
    """An embedded server that holds this many batches."""
    with empty() as settings:
        uri = settings.mongodb_uri
        assert uri is not None
        if adopted:
            with open_store(settings) as store:
                store.ensure_indexes()
                fill(uri.get_secret_value(), batches, unassigned)
                adopt(store, Ledger(store, settings.zone, yesterday))
        else:
            fill(uri.get_secret_value(), batches, unassigned)
        yield settings


def fill(uri: str, batches: int, unassigned: float) -> None:
    with MongoClient(uri, retryWrites=False) as client:
        board = client.get_database(DATABASE)
        board.segmentadores.insert_many([{"name": name, "email": ""} for name in PEOPLE])
        block: list[dict[str, Any]] = []
        for fields in documents(batches, unassigned):
            block.append(fields)
            if len(block) == 5_000:
                board.batches.insert_many(block)
                block = []
        if block:
            board.batches.insert_many(block)


class Served(NamedTuple):
    address: str
    token: str


@contextmanager
def served(batches: int, unassigned: float = 0.1) -> Iterator[Served]:
    """The real program on its embedded server, with a lead `admin` and a token of theirs."""
    with tempfile.TemporaryDirectory(prefix="resguardo-bench-") as folder:
        data = Path(folder)
        with EmbeddedServer.start(data) as server:
            settings = Settings(data=data, mongodb_uri=server.uri, database=DATABASE)
            with open_store(settings) as store:
                store.ensure_indexes()
                fill(server.uri, batches, unassigned)
                adopt(store, Ledger(store, settings.zone, yesterday))
                now = datetime.now(UTC)
                auth.add_account(store, "admin", "lead", PASSWORD, now)
                token = auth.make_token(store, "admin", now)
        own = {"RESGUARDO_DATA": folder, "RESGUARDO_PORT": "0", "RESGUARDO_DATABASE": DATABASE}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env={**os.environ, **own}, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            if not said.startswith("Resguardo: "):
                raise SystemExit(f"the board did not start: {said}")
            yield Served(said.removeprefix("Resguardo: ").strip(), token)
        finally:
            process.terminate()
            process.wait(30)


def in_fresh_process(measure: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """What a function answers that runs in a process of its own, and `peak_mb`, the most memory that process held."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_with_peak, measure, arguments).result()


def _with_peak(measure: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> dict[str, Any]:
    return {**measure(*arguments), "peak_mb": peak_mb()}


def peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss counts what the parent held before this process began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def say(what: str, found: float, unit: str, most: float | None = None) -> None:
    """One line; with a target, whether it was met."""
    verdict = "" if most is None else f"   target {most:g}: {'met' if found <= most else 'MISSED'}"
    print(f"  {what:<58}{found:10.2f} {unit}{verdict}", flush=True)
