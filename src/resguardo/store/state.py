"""Small facts about the board itself (collection `resguardo_state`): one document a name."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Any

from resguardo.store.connect import LOOSE, Connection, DuplicateKeyError

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

    def first(self, name: str, value: Any) -> Any:
        """The value that is there; this one from now on where there was none."""
        with suppress(DuplicateKeyError):  # somebody else was first, at the same moment
            self.collection.update_one({"_id": name}, {"$setOnInsert": {"value": value}}, upsert=True)
        return self.get(name)

    def claim(self, name: str, owner: str, now: datetime, until: datetime) -> bool:
        """Have something to oneself until a moment, or for longer if it was one's own. False while another has it.

        Goes by the clocks of those who claim: one that is ahead takes it early. Only for what may be done twice.
        """
        free = {"_id": name, "$or": [{"value.owner": owner}, {"value.until": {"$lte": now}}]}
        claimed = {"$set": {"value": {"owner": owner, "until": until}}}
        try:
            self.collection.with_options(write_concern=LOOSE).update_one(free, claimed, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    def let_go(self, name: str, owner: str) -> None:
        self.collection.delete_one({"_id": name, "value.owner": owner})

    def names(self, beginning: str) -> list[str]:
        """The names that begin like this."""
        return [row["_id"] for row in self.collection.find({"_id": {"$regex": "^" + re.escape(beginning)}}, {"_id": 1})]

    def take(self, name: str, value: Any) -> bool:
        """Remove the value if it is still this one. Of several processes at once, one gets True."""
        return self.collection.delete_one({"_id": name, "value": value}).deleted_count == 1
