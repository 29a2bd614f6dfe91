"""A vault with archives in it, made without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import bson

from resguardo.vault.archive import ArchiveInfo
from resguardo.vault.catalogue import Catalogue
from resguardo.vault.snapshot import Snapshot
from resguardo.vault.spool import Spool

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
RAWS = [bson.encode({"_id": bson.ObjectId(f"{n:024x}"), "id": f"batch_{n:06d}", "status": "NS"}) for n in range(50)]


def publish(folder: Path, now: datetime = NOW) -> str:
    catalogue = Catalogue(folder)
    batches = Spool()
    for raw in RAWS:
        batches.append(raw)
    info = ArchiveInfo(catalogue.next_id(now), now, now, "UTC", "test", "db", "0")
    with Snapshot(info, Spool(), batches) as snapshot:
        return str(catalogue.publish(snapshot)["id"])
