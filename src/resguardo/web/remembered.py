"""Who was logged in lately: so that the last good copy can be read while MongoDB, which knows, is away.

What was rejected: showing the copy to whoever asks from the same machine (a proxy makes everybody that), and a cookie
that vouches for itself (it would outlive a password that was changed and an account that was disabled). Instead this
process keeps, by the SHA-256 of what the browser or the script holds, whom it has seen in the last `LASTS`. It is asked
only when MongoDB cannot be, and only for reading what does not come from MongoDB (`away.READABLE`). Whoever logs out is
forgotten at once; a password that was changed and an account that was disabled elsewhere are noticed within
`LOOK_EVERY`, for as long as MongoDB can tell. A process that was started anew remembers nobody: then there are
`resguardo export ... --from last` and the files of the vault.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from resguardo import auth
from resguardo.ledger.record import utc_now
from resguardo.store import Store
from resguardo.store.accounts import Account
from resguardo.store.connect import MongoError, deadline

NAME: Final = "resguardo.remembered"
LASTS: Final = timedelta(hours=12)
LOOK_EVERY: Final = 60.0
LOOK_SECONDS: Final = 2.0
MOST: Final = 1000


@dataclass(frozen=True)
class Seen:
    account: Account
    at: datetime


class Remembered:
    def __init__(self) -> None:
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, secret: str, account: Account, now: datetime) -> None:
        """Somebody has just shown who they are, by the key of a session or by a token."""
        with self._lock:
            self._seen[auth.digest(secret)] = Seen(account, now)
            self._seen.move_to_end(auth.digest(secret))
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)

    def find(self, secret: str, now: datetime) -> Account | None:
        with self._lock:
            seen = self._seen.get(auth.digest(secret))
        return seen.account if seen is not None and timedelta(0) <= now - seen.at < LASTS else None

    def forget(self, secret: str) -> None:
        with self._lock:
            self._seen.pop(auth.digest(secret), None)

    def forget_account(self, name: str) -> None:
        with self._lock:
            self._seen = OrderedDict((key, seen) for key, seen in self._seen.items() if seen.account.name != name)

    def check(self, store: Store, now: datetime) -> None:
        """Forget whom MongoDB no longer lets in. Raises what MongoDB raises, and then has forgotten nobody."""
        with self._lock:
            keys = list(self._seen)
        if not keys:
            return
        with deadline(LOOK_SECONDS):
            good = auth.still_good(store, keys, now)
        with self._lock:
            for key in keys:
                seen = self._seen.get(key)
                if seen is not None and key not in good:
                    del self._seen[key]
                elif seen is not None:
                    self._seen[key] = Seen(good[key], seen.at)

    def watch(self, store: Store) -> None:
        """Check every `LOOK_EVERY` seconds, in a thread, for as long as the process lives."""

        def look() -> None:
            pause = threading.Event()
            while not pause.wait(LOOK_EVERY):
                with suppress(MongoError):
                    self.check(store, utc_now())

        threading.Thread(target=look, name="remembered", daemon=True).start()
