"""From a board to a good archive, and from too many archives to the right ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from resguardo.config import Settings
from resguardo.errors import NoVault
from resguardo.ledger.record import Ledger
from resguardo.vault import retention
from resguardo.vault.catalogue import Catalogue, Manifest, back_up
from resguardo.vault.drill import Result, drill
from resguardo.vault.retention import Decision, Rules

MEGABYTE = 1024**2


def make_good(
    catalogue: Catalogue,
    ledger: Ledger,
    reason: str,
    *,
    safety: bool = False,
    at: Callable[[str], None] = lambda step: None,
) -> Manifest:
    """Make an archive and drill it. One that is too large for that waits; then the one whose turn it is is drilled.

    Raises what `back_up` raises; a drill that fails is in what is returned.
    """
    settings = ledger.store.connection.settings
    made = back_up(catalogue, ledger, reason, safety=safety, at=at)
    own = made["id"]
    if made["bytes"] > settings.drill_largest_mb * MEGABYTE:
        own = longest_without_drill(catalogue)
    at("drill")
    drill_one(catalogue, settings, own, ledger.now())
    return catalogue.get(made["id"])


def drill_one(catalogue: Catalogue, settings: Settings, own: str, now: datetime) -> Result:
    """Restore an archive for real and note what came of it. Raises `NoVault`, `Integrity` where its bytes changed."""
    result = drill(settings, catalogue.path(own), now)
    catalogue.note(own, "drill", **asdict(result))
    return result


def longest_without_drill(catalogue: Catalogue) -> str:
    """The archive whose turn it is. Raises `NoVault` where there is none."""

    def turn(manifest: Manifest) -> tuple[str, str]:
        return (manifest["drill"] or {}).get("at", ""), manifest["id"]

    whole = [row for row in catalogue.list() if row["state"] not in ("removed", "damaged")]
    if not whole:
        raise NoVault("No hay ninguna copia.", hint="Haz una con: resguardo backup create")
    return str(min(whole, key=turn)["id"])


def rules_of(settings: Settings) -> Rules:
    return Rules(settings.keep_daily, settings.keep_weekly, settings.keep_monthly, settings.keep_safety_days)


def prune(
    catalogue: Catalogue, settings: Settings, now: datetime, *, dry_run: bool = False, actor: str = ""
) -> Sequence[Decision]:
    """Mark as removed what no rule needs, and sweep what was marked long ago. Returns every decision."""
    decisions = retention.decide(catalogue.for_retention(), rules_of(settings), settings.zone, now)
    for decision in decisions if not dry_run else ():
        if not decision.keep:
            catalogue.remove(decision.id, decision.reason, actor)
    return decisions


def year_ahead(catalogue: Catalogue, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """What will survive: for each month to come, which of today's archives are still kept at its end."""
    return retention.forecast(catalogue.for_retention(), rules_of(settings), settings.zone, now)


def newest_good(copies: Sequence[Manifest], now: datetime) -> datetime | None:
    """The moment of the newest archive that a drill restored; one from the future does not count."""
    moments = (datetime.fromisoformat(row["moment"]) for row in copies if row["state"] == "good")
    return max((moment for moment in moments if moment <= now), default=None)


def good_copy(settings: Settings, now: datetime) -> datetime | None:
    """The same of the board's vault, in the board's zone; None where there is none, or the vault cannot be read."""
    try:
        found = newest_good(Catalogue(settings.data / "vault").list(), now)
    except OSError:
        return None
    return found.astimezone(settings.zone) if found else None
