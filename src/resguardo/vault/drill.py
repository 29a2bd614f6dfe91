"""A drill: an archive is restored for real, into a scratch database, and compared. Only then is it called good.

Where: with the embedded server, in another one in a temporary folder, so that nobody waits for it; with a MongoDB, in a
database of its own on the same server, dropped afterwards. What a crash leaves: `resguardo_drill_<moment>_<random>`,
dropped by the next drill, a day later; the folder `resguardo-drill-<process>-<random>`, by the next drill or start.

What is compared: `fill.difference`.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from resguardo.config import Settings
from resguardo.errors import Locked, ResguardoError, Unavailable, Usage
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from resguardo.store.connect import MongoError, explain
from resguardo.store.server_process import process_exists
from resguardo.vault import fill
from resguardo.vault.reading import open_source

PREFIX: Final = "resguardo_drill_"
FOLDER: Final = "resguardo-drill-"
ABANDONED: Final = timedelta(days=1)
CIRCUMSTANCES: Final = (Unavailable, Locked, Usage, OSError)
_MOMENT: Final = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class Result:
    """`ok`: None where it could not be tried, which says nothing of the archive; `detail` then says why.

    `rto`: seconds from the beginning until the restored board could be used; `seconds`: until it was compared.
    """

    ok: bool | None
    detail: str
    where: str
    documents: int
    rto: float
    seconds: float


def drill(settings: Settings, archive: Path, now: datetime) -> Result:
    """Restore and compare. What goes wrong is the result, not an error: an archive that does not restore is no good.

    A server that is away, a disk that is full: that is no fault of the archive, and condemns none.
    """
    begun = time.monotonic()
    where = "servidor aparte" if settings.mongodb_uri is None else "misma base de datos"
    documents, rto, detail = 0, 0.0, ""
    ok: bool | None
    try:
        with open_source(archive) as source, _scratch(settings, now) as store:
            ledger = Ledger(store, settings.zone)
            fill.load_into(store, ledger, source, actor="simulacro", compared=False)
            rto = time.monotonic() - begun
            documents = source.work.count + source.people.count
            detail = fill.difference(store, ledger, source)
            ledger.journal.close()
        ok = not detail
    except (MongoError, ResguardoError, OSError) as error:
        why = explain(error) if isinstance(error, MongoError) else error
        unreadable = getattr(why, "errno", None) == errno.EIO  # the disk under the archive itself, most likely
        detail, ok = str(why), None if isinstance(why, CIRCUMSTANCES) and not unreadable else False
    return Result(ok, detail, where, documents, round(rto, 2), round(time.monotonic() - begun, 2))


@contextmanager
def _scratch(settings: Settings, now: datetime) -> Iterator[Store]:
    sweep_folders()
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-") as folder:
        name = f"{PREFIX}{now:{_MOMENT}}_{secrets.token_hex(3)}"  # other processes drill, too
        own = {"data": Path(folder), "database": name, "segmentadores_database": None}
        with open_store(settings.model_copy(update=own)) as store:
            try:
                _drop_abandoned(store, now)
                yield store
            finally:
                store.connection.client.drop_database(name)


def sweep_folders() -> None:
    """Remove the folders of drills whose process has gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        owner = re.fullmatch(FOLDER + r"(\d+)-.*", folder.name)
        if owner and not process_exists(int(owner[1])):
            shutil.rmtree(folder, ignore_errors=True)  # another account's stay


def _drop_abandoned(store: Store, now: datetime) -> None:
    for name in store.connection.client.list_database_names():
        moment = re.fullmatch(PREFIX + r"(\d{8}T\d{12})(?:_[0-9a-f]+)?", name)
        if moment and now - datetime.strptime(moment[1], _MOMENT).replace(tzinfo=now.tzinfo) > ABANDONED:
            store.connection.client.drop_database(name)
