"""What can go wrong, as callers tell it apart.

Every error says what happened, why, and what to do, in Spanish. The sentence is a template, so that the pages can
translate it before the fields are put in. HTTP statuses are given to these classes once, in `web.errors`; exit codes
once, in `cli.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

OUR_WORDS: Final = ("label", "what")
"""Fields that hold words of ours, which are translated; all others are shown as they are."""


class ResguardoError(Exception):
    """The root of everything raised on purpose.

    `template` holds `{name}` places filled from `fields`; `hint` is a further sentence saying what to do.
    """

    def __init__(self, template: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(template)
        self.template = template
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return self.say(lambda text: text)

    def say(self, translate: Callable[[str], str]) -> str:
        """The whole message, its template, its hint and words of ours put through `translate`."""
        parts = [translate(part) for part in (self.template, self.hint) if part]
        fields = {name: translate(value) if name in OUR_WORDS else value for name, value in self.fields.items()}
        return " ".join(part.format_map(fields) if fields else part for part in parts)


class Usage(ResguardoError):
    """The command line or a setting cannot be understood."""


class Invalid(ResguardoError):
    """What was asked breaks a rule of the board; nothing was changed."""


class Unreadable(Invalid):
    """A file that is no table we can read: the only error that reading one raises, whatever its bytes."""


class NotFound(ResguardoError):
    """What was named does not exist."""


class Conflict(ResguardoError):
    """Somebody else changed it meanwhile. `fields` may name `actor`, `at`, `rev` and `conflict` (`ledger.conflict`)."""


class Unauthenticated(ResguardoError):
    """Nobody is logged in."""


class Denied(ResguardoError):
    """The account's role does not allow this."""


class TooManyRequests(ResguardoError):
    """Asked too often. `fields` may name `retry_after` in seconds."""


class TooLarge(ResguardoError):
    """More was sent than is taken at once."""


class Unavailable(ResguardoError):
    """MongoDB, or a place that must be written, cannot be reached now."""


class MailTrouble(Unavailable):
    """No message can be handed to the mail server now. `lasting`: that will not pass by itself."""

    lasting = False


class Locked(ResguardoError):
    """Another process holds what is needed."""


class Integrity(ResguardoError):
    """Bytes are not what they must be: cut off, altered, or of no known format."""


class RefusedForSafety(ResguardoError):
    """Could be done, but would put data at risk."""


class MomentUnreachable(ResguardoError):
    """A moment to go back to lies before the first entry, or in the future."""


class NoVault(ResguardoError):
    """There is no vault, or no such archive in it."""
