"""Masks: GridFS files, possibly in another database and bucket."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from resguardo.store.connect import Connection

CHUNK = 255 * 1024


class Masks:
    def __init__(self, connection: Connection) -> None:
        bucket = connection.settings.masks_bucket
        self._files = connection.masks_database[f"{bucket}.files"]
        self._chunks = connection.masks_database[f"{bucket}.chunks"]

    def count(self) -> int:
        return self._files.count_documents({})

    def names(self) -> Iterable[str]:
        return (str(row.get("filename")) for row in self._files.find({}, {"filename": 1, "_id": 0}))

    def upload(self, files: Iterable[tuple[str, bytes]]) -> int:
        """Store small files, chunks before the files that name them, so that no file ever lacks its chunks.

        The indexes are made first and not checked again at each file, as stock GridFS does: that check scans all chunks
        on the embedded server.
        """
        self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
        self._files.create_index([("filename", 1), ("uploadDate", 1)])
        rows: list[dict[str, Any]] = []
        for name, content in files:
            own_id = ObjectId()
            pieces = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
            self._chunks.insert_many([{"files_id": own_id, "n": n, "data": piece} for n, piece in enumerate(pieces)])
            rows.append(
                {
                    "_id": own_id,
                    "filename": name,
                    "length": len(content),
                    "chunkSize": CHUNK,
                    "uploadDate": datetime.now(UTC),
                }
            )
        if rows:
            self._files.insert_many(rows)
        return len(rows)
