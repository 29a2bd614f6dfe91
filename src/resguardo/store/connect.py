"""One MongoDB: a URI, or an embedded server started for as long as it is needed.

Writes that must last are acknowledged by a majority and journaled; those that are a projection of the ledger need not
wait for the disk (design.md, "The write path"). Writes are never retried by the driver: `ledger.record` repeats what
can be repeated, and the embedded server's retry cache is not to be relied on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from pymongo.write_concern import WriteConcern

from resguardo.config import Settings
from resguardo.errors import ResguardoError, Unavailable, Usage
from resguardo.store.contact import Contact
from resguardo.store.outcome import WriteListener, write_begun
from resguardo.store.sharing import shared_server

DURABLE = WriteConcern(w="majority", j=True)
LOOSE = WriteConcern(w=1)
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

MongoError = PyMongoError
"""What `explain` makes a sentence of; only for the layers that answer people."""

Topology = Literal["embedded", "standalone", "replica set", "sharded"]

Raws = Collection[RawBSONDocument]
Dicts = Collection[dict[str, Any]]


class Connection:
    """A client and the collections that the settings name. Share one for all threads of a process."""

    def __init__(self, settings: Settings, uri: str) -> None:
        self.settings = settings
        self._contact = Contact()
        self.client: MongoClient[dict[str, Any]] = open_client(uri, settings.mongodb_timeout, self._contact)
        self.database = self.client.get_database(settings.database, write_concern=DURABLE)
        people = settings.segmentadores_database or settings.database
        self.segmentadores_database = self.client.get_database(people, write_concern=DURABLE)
        masks = settings.masks_database or settings.database
        self.masks_database = self.client.get_database(masks, write_concern=DURABLE)

    def dicts(self, name: str) -> Dicts:
        return self.database.get_collection(name, codec_options=CodecOptions(tz_aware=True))

    def topology(self) -> Topology:
        """What kind of MongoDB this is."""
        if self.settings.mongodb_uri is None:
            return "embedded"
        hello = self.client.admin.command("hello")
        if hello.get("msg") == "isdbgrid":
            return "sharded"
        return "replica set" if hello.get("setName") else "standalone"

    def ping(self) -> None:
        """Raises `Unavailable` when MongoDB does not answer in time."""
        with deadline(self.settings.mongodb_timeout), translated():
            self.demand_contact()
            self.client.admin.command("ping")

    @property
    def away_since(self) -> datetime | None:
        """Since when no server answers that one could read from; None while one does."""
        return self._contact.lost_at

    def demand_contact(self) -> None:
        """Raises at once, as waiting for it would, when MongoDB has been away for longer than one would wait."""
        if self._contact.lost_for(timedelta(seconds=self.settings.mongodb_timeout)):
            raise ServerSelectionTimeoutError("away for longer than a request waits")

    def close(self) -> None:
        self.client.close()


def open_client(uri: str, timeout: float, contact: Contact | None = None) -> MongoClient[dict[str, Any]]:
    """A client that gives up looking for a server after `timeout` seconds. Raises `Usage` on a bad URI."""
    milliseconds = int(timeout * 1000)
    try:
        return MongoClient(
            uri,
            appname="resguardo",
            retryWrites=False,
            serverSelectionTimeoutMS=milliseconds,
            # A server that hangs leaves a heartbeat unanswered for connectTimeout + heartbeatFrequency. The driver then
            # breaks off what waits for it (looking every half a second): 2.8 s at most, however long the operation.
            connectTimeoutMS=int(milliseconds * 0.9),
            heartbeatFrequencyMS=500,
            event_listeners=[WriteListener(), contact or Contact()],
            # Only for a server that gives signs of life: an index over a million documents takes its time.
            socketTimeoutMS=3_600_000,
            tz_aware=True,
            maxPoolSize=200,
        )
    except (InvalidURI, pymongo.errors.ConfigurationError, ValueError) as error:
        raise Usage(
            "La dirección de MongoDB no se puede usar: {why}",
            hint="Revisa RESGUARDO_MONGODB_URI (o MONGO_URI).",
            why=str(error),
        ) from error


@contextmanager
def connect(settings: Settings) -> Iterator[Connection]:
    """A connection for as long as the block runs; an embedded server is started unless one is running already.

    Raises `Usage`, `Locked` and `Unavailable` with what to do.
    """
    if settings.mongodb_uri is not None:
        with opened(settings, settings.mongodb_uri.get_secret_value()) as connection:
            yield connection
        return
    with shared_server(settings.data) as uri, opened(settings, uri) as connection:
        yield connection


@contextmanager
def opened(settings: Settings, uri: str) -> Iterator[Connection]:
    connection = Connection(settings, uri)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """All operations in the block together get this long."""
    with pymongo.timeout(seconds):
        yield


@contextmanager
def translated() -> Iterator[None]:
    """Raise what MongoDB raises as one of ours."""
    try:
        yield
    except MongoError as error:
        raise explain(error) from error


def explain(error: PyMongoError) -> ResguardoError:
    """What MongoDB's error means to people."""
    if isinstance(error, OperationFailure) and error.code in (13, 18):
        return Unavailable("MongoDB no acepta el usuario o la contraseña.", hint="Revisa RESGUARDO_MONGODB_URI.")
    away = isinstance(error, (ConnectionFailure, WTimeoutError)) or error.timeout
    if away and write_begun():
        return Unavailable(
            "MongoDB dejó de contestar mientras se guardaba, así que no se sabe si el cambio se guardó.",
            hint="Cuando vuelva se verá en el tablero; míralo antes de repetirlo.",
        )
    if away:
        return Unavailable(
            "No se puede hablar con MongoDB, así que por ahora no se puede leer ni guardar.",
            hint="Lo confirmado sigue guardado. Inténtalo de nuevo en un momento; si sigue igual, avisa a quien "
            "administra el servidor.",
        )
    return ResguardoError("MongoDB rechazó la operación: {why}", why=str(error))


def raw_collection(database: Database[dict[str, Any]], name: str) -> Raws:
    """A collection whose documents arrive as bytes."""
    return cast("Raws", database.get_collection(name, codec_options=RAW))


def raw_of(row: RawBSONDocument) -> bytes:
    return bytes(row.raw)


__all__ = [
    "DURABLE",
    "LOOSE",
    "Connection",
    "Dicts",
    "DuplicateKeyError",
    "MongoError",
    "Raws",
    "connect",
    "deadline",
    "explain",
    "opened",
    "raw_collection",
    "raw_of",
    "translated",
]
