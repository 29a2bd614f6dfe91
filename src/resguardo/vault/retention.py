"""Which archives stay. Pure: (archives, rules, zone, now) -> a decision with its reason for each.

Newest first, the newest good archive of each day, week and month that has one stays, until each rule has had its
fill. An archive that an earlier rule keeps does not use up the next one's (as borg counts, so that 7 daily ones do not
eat the weekly ones). Only good archives fill places. Always kept: those dated in the future, which do not count either;
pinned ones; the newest good one; those made before a dangerous operation, for 90 days; those too young to have been
restored; and two in all, whatever the rules say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from resguardo.errors import RefusedForSafety

YOUNG: Final = timedelta(days=7)
"""How long an archive that no drill has restored yet may wait for one."""
AT_LEAST: Final = 2


@dataclass(frozen=True)
class Rules:
    """How many to keep of each; days for those made before a dangerous operation."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12
    safety_days: int = 90


@dataclass(frozen=True)
class Archive:
    """What a decision depends on. `safety`: made before a dangerous operation. `moment` carries an offset."""

    id: str
    moment: datetime
    good: bool
    safety: bool = False
    pinned: str | None = None
    """Why it must stay."""


@dataclass(frozen=True)
class Decision:
    id: str
    keep: bool
    reason: str


def decide(archives: Iterable[Archive], rules: Rules, zone: ZoneInfo, now: datetime) -> list[Decision]:
    """A decision for each archive, newest first. Raises `RefusedForSafety` where the rules would keep nothing."""
    if rules.daily + rules.weekly + rules.monthly < 1 or min(rules.daily, rules.weekly, rules.monthly) < 0:
        raise RefusedForSafety(
            "Las reglas de conservación no guardarían ninguna copia.", hint="Pon al menos un día, una semana o un mes."
        )
    ordered = sorted(archives, key=lambda archive: (archive.moment, archive.id), reverse=True)
    reasons = _always(ordered, rules, zone, now)
    _fill_places([archive for archive in ordered if archive.good and archive.moment <= now], rules, zone, reasons)
    for archive in ordered:
        if len(reasons) >= AT_LEAST:
            break
        reasons.setdefault(archive.id, f"siempre quedan al menos {AT_LEAST}")
    return [
        Decision(archive.id, archive.id in reasons, reasons.get(archive.id) or _why_not(archive)) for archive in ordered
    ]


def _always(ordered: Sequence[Archive], rules: Rules, zone: ZoneInfo, now: datetime) -> dict[str, str]:
    reasons: dict[str, str] = {}
    newest_good = next((archive for archive in ordered if archive.good and archive.moment <= now), None)
    for archive in ordered:
        until = archive.moment + timedelta(days=rules.safety_days)
        if archive.moment > now:
            reasons[archive.id] = "su fecha está en el futuro: no se toca ni cuenta"
        elif archive.pinned is not None:
            reasons[archive.id] = f"fijada: {archive.pinned}"
        elif archive.safety and until > now:
            reasons[archive.id] = f"previa a una operación delicada, hasta el {until.astimezone(zone):%d/%m/%Y}"
        elif not archive.good and now - archive.moment < YOUNG:
            reasons[archive.id] = "espera su simulacro de restauración"
    if newest_good is not None:
        reasons.setdefault(newest_good.id, "la última buena")
    return reasons


def _fill_places(good: Sequence[Archive], rules: Rules, zone: ZoneInfo, reasons: dict[str, str]) -> None:
    kept_by_rule: set[str] = set()
    for name, wanted, bucket in (
        ("diaria", rules.daily, _day),
        ("semanal", rules.weekly, _week),
        ("mensual", rules.monthly, _month),
    ):
        filled = 0
        for archive in _newest_of_each(good, bucket, zone):
            if filled == wanted:
                break
            if archive.id not in kept_by_rule:
                filled += 1
                kept_by_rule.add(archive.id)
                place = f"{name} {filled} de {wanted}"
                # What else it is kept for says more, but for being the newest.
                if reasons.get(archive.id, "la última buena") == "la última buena":
                    reasons[archive.id] = place


def _newest_of_each(good: Sequence[Archive], bucket: Callable[[date], object], zone: ZoneInfo) -> list[Archive]:
    """The newest archive of each bucket, newest bucket first."""
    newest: dict[object, Archive] = {}
    for archive in good:
        newest.setdefault(bucket(archive.moment.astimezone(zone).date()), archive)
    return list(newest.values())


def _day(day: date) -> object:
    return day


def _week(day: date) -> object:
    return day.isocalendar()[:2]


def _month(day: date) -> object:
    return day.year, day.month


def _why_not(archive: Archive) -> str:
    return (
        "ningún lugar diario, semanal ni mensual la necesita" if archive.good else "ningún simulacro la dio por buena"
    )


def forecast(
    archives: Sequence[Archive], rules: Rules, zone: ZoneInfo, now: datetime, months: int = 12
) -> list[dict[str, object]]:
    """What will be there at the end of each month to come, if a good archive is made every day.

    [{`month`, `kept`: how many, `oldest`: the day of the oldest good one, `of_today`: ids that are still there}].
    """
    known = {archive.id for archive in archives}
    there = list(archives)
    rows: list[dict[str, object]] = []
    day = now
    while len(rows) < months:
        day += timedelta(days=1)
        there.append(Archive(f"{day:%Y-%m-%d}", day, good=True))
        kept = {row.id for row in decide(there, rules, zone, day) if row.keep}
        there = [archive for archive in there if archive.id in kept]
        local = day.astimezone(zone).date()
        if (local + timedelta(days=1)).month != local.month:
            oldest = min(archive.moment for archive in there).astimezone(zone)
            rows.append(
                {
                    "month": f"{local:%Y-%m}",
                    "kept": len(there),
                    "oldest": f"{oldest:%Y-%m-%d}",
                    "of_today": [archive.id for archive in there if archive.id in known],
                }
            )
    return rows
