"""The link in a message by which somebody without a login says that they want no more.

It holds a seal over their name (HMAC-SHA-256 by a secret of this board): nobody can make one for others, and it does
not tell whose it is. Opening it changes nothing: programs that look through mail open links. The page asks, a POST does
it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from resguardo.config import Settings
from resguardo.store import Store

SECRET: Final = "mail:secret"  # noqa: S105 the name under which one lies
PATH: Final = "/mail/off/"


def off_link(settings: Settings, store: Store, name: str) -> str:
    return f"{settings.public_url}{PATH}{seal(_secret(store), name)}" if settings.public_url else ""


def seal(secret: bytes, name: str) -> str:
    return hmac.new(secret, name.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]


def sealed_person(store: Store, given: str) -> str | None:
    """Whose link this is; None where it is nobody's, or they have another name now."""
    secret = _secret(store)
    names = (row.get("name") for row in store.pages.people())
    return next(
        (
            name
            for name in names
            if isinstance(name, str)
            and hmac.compare_digest(seal(secret, name).encode(), given.encode(errors="replace"))
        ),
        None,
    )


def _secret(store: Store) -> bytes:
    return bytes.fromhex(str(store.state.get(SECRET) or store.state.first(SECRET, secrets.token_hex(32))))
