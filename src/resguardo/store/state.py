"""Small facts about the board itself (collection `resguardo_state`): one document a name."""

from __future__ import annotations

import re
from typing import Any

from resguardo.store.connect import Connection

COLLECTION = "resguardo_state"


class State:
    def __init__(self, connection: Connection) -> None:
        self.collection = connection.dicts(COLLECTION)

    def get(self, name: str) -> Any:
        """The value, or None."""
        row = self.collection.find_one({"_id": name})
        return row["value"] if row else None

    def put(self, name: str, value: Any) -> None:
        self.collection.update_one({"_id": name}, {"$set": {"value": value}}, upsert=True)

    def names(self, beginning: str) -> list[str]:
        """The names that begin like this."""
        return [row["_id"] for row in self.collection.find({"_id": {"$regex": "^" + re.escape(beginning)}}, {"_id": 1})]

    def take(self, name: str, value: Any) -> bool:
        """Remove the value if it is still this one. Of several processes at once, one gets True."""
        return self.collection.delete_one({"_id": name, "value": value}).deleted_count == 1
