"""*¿Está resguardada la información?* One word, and a line for each guarantee: what was measured, and what to do.

`gather` measures, `judge` decides; nothing is green for want of data. A line is red where something that people were
told is safe may not be, amber where a promise is weaker than it could be.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from resguardo.config import Settings
from resguardo.errors import ResguardoError
from resguardo.jobs import FAILURE, TICK, next_slot, schedule_of
from resguardo.ledger.external import LastLook, last_look
from resguardo.ledger.journal import Journal
from resguardo.mail.state import MailState, is_set, mail_state
from resguardo.store import Store
from resguardo.store.connect import MongoError, Topology, deadline
from resguardo.vault.catalogue import Catalogue, Manifest
from resguardo.vault.keeping import newest_good

Light = Literal["green", "amber", "red"]

MEASURE_SECONDS: Final = 2.0
DAY: Final = timedelta(hours=26)
"""A nightly copy may take a while."""
EMBEDDED_SERVES: Final = 10_000
ROOM_FOR: Final = 3
"""Copies that should still find room."""
MEGABYTE: Final = 1024**2
KEYS: Final = {
    "Última copia buena": "last_good_copy",
    "Último simulacro de restauración": "last_drill",
    "Copias dañadas": "damaged_copies",
    "Diario": "journal",
    "Cambios todavía sin diario": "unjournaled",
    "Lo que se perdería si MongoDB fallara ahora": "loss",
    "MongoDB": "mongodb",
    "Cambios de otros programas": "external_changes",
    "Copias automáticas": "schedule",
    "Espacio en disco": "disk",
    "Correo": "mail",
    "Copias fuera de esta máquina": "copies_elsewhere",
    "Máscaras en las copias": "masks",
}
"""What programs call the lines, whatever the words for people become."""


@dataclass(frozen=True)
class Line:
    """`value`: what was measured; `since`: since when it is so, where that is known; `advice`: what to do.

    `standing`: how the installation is, rather than how it fares: it is said, and the shield on the pages is not
    coloured by it, because a shield that is never green is not looked at.
    """

    name: str
    state: Light
    value: str
    since: datetime | None = None
    advice: str = ""
    standing: bool = False

    @property
    def key(self) -> str:
        return KEYS[self.name]


@dataclass(frozen=True)
class Facts:
    """What was measured; None where it could not be."""

    copies: Sequence[Manifest] | None
    journal_trouble: str | None
    journal_complete_to: datetime | None
    mongodb_trouble: str | None
    topology: Topology | None
    external_seen: LastLook | None
    jobs_tick: datetime | None
    jobs_failure: dict[str, Any] | None
    next_copy: datetime | None
    free: int | None
    total: int | None
    mail_set: bool = False
    mail: MailState | None = None


@dataclass(frozen=True)
class Report:
    """`good_copy`: the moment of the newest copy that a drill restored. `facts`: what `lines` were judged by."""

    lines: list[Line] = field(default_factory=list)
    good_copy: datetime | None = None
    measured: datetime | None = None
    facts: Facts | None = None

    @property
    def light(self) -> Light:
        return _worst(self.lines)

    @property
    def shield(self) -> Light:
        """As `light`, of what changes from day to day."""
        return _worst(line for line in self.lines if not line.standing)

    @property
    def safe(self) -> bool:
        return self.light != "red"

    def summary(self) -> dict[str, Any]:
        """As `resguardo status --json` says it."""
        return {
            "safe": self.safe,
            "light": self.light,
            "shield": self.shield,
            "good_copy": self.good_copy.isoformat() if self.good_copy else None,
            "measured": self.measured.isoformat() if self.measured else None,
            "lines": [
                {"key": row.key, **asdict(row), "since": row.since.isoformat() if row.since else None}
                for row in self.lines
            ],
        }


def _worst(lines: Iterable[Line]) -> Light:
    found = {line.state for line in lines}
    return "red" if "red" in found else "amber" if "amber" in found else "green"


def report(settings: Settings, store: Store | None, journal: Journal, now: datetime, trouble: str = "") -> Report:
    """Measure and judge. Without a store, `trouble` says why MongoDB cannot be reached. Never raises."""
    facts = gather(settings, store, journal, now, trouble)
    return Report(judge(facts, now), newest_good(facts.copies or (), now), now, facts)


def gather(settings: Settings, store: Store | None, journal: Journal, now: datetime, trouble: str = "") -> Facts:
    measured: dict[str, Any] = {"mongodb_trouble": trouble or None}
    if store is not None:
        try:
            with deadline(MEASURE_SECONDS):
                measured |= _of_mongodb(store)
                if is_set(settings):
                    measured["mail"] = mail_state(store)
        except (MongoError, ResguardoError) as error:
            measured["mongodb_trouble"] = str(error)
    unwritable = journal.probe()
    usage = _usage(settings.data)
    slots = [next_slot(cron, settings.zone, now) for cron in schedule_of(settings).values()]
    names = ("topology", "external_seen", "jobs_tick", "jobs_failure", "mongodb_trouble")
    return Facts(
        copies=_copies(settings.data / "vault"),
        journal_trouble=str(unwritable) if unwritable else None,
        journal_complete_to=journal.complete_to(),
        next_copy=min(slots, default=None),
        free=usage[0] if usage else None,
        total=usage[1] if usage else None,
        mail_set=is_set(settings),
        mail=measured.get("mail"),
        **{name: measured.get(name) for name in names},
    )


def _of_mongodb(store: Store) -> dict[str, Any]:
    store.connection.ping()
    state = store.state
    return {
        "topology": store.connection.topology(),
        "external_seen": last_look(store),
        "jobs_tick": state.get(TICK),
        "jobs_failure": state.get(FAILURE),
    }


def _copies(folder: Path) -> Sequence[Manifest] | None:
    try:
        return Catalogue(folder).list()
    except OSError:
        return None


def _usage(folder: Path) -> tuple[int, int] | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free, usage.total


def judge(facts: Facts, now: datetime) -> list[Line]:
    return [
        _copy(facts, now),
        _drill(facts, now),
        _damage(facts),
        _journal(facts),
        _journaled(facts, now),
        _loss(facts, now),
        _mongodb(facts),
        _external(facts, now),
        _schedule(facts, now),
        _disk(facts),
        *_mail(facts),
        Line(
            "Copias fuera de esta máquina",
            "amber",
            "ninguna",
            advice="Copia la carpeta vault a otro equipo; si esta máquina se quema, hoy se perdería todo.",
            standing=True,
        ),
        Line(
            "Máscaras en las copias",
            "amber",
            "no van incluidas",
            advice="Respalda aparte las máscaras (GridFS) con las herramientas de MongoDB.",
            standing=True,
        ),
    ]


def last_drill(facts: Facts) -> dict[str, Any] | None:
    drills = [row["drill"] for row in facts.copies or () if row.get("drill")]
    return max(drills, key=lambda row: str(row["at"]), default=None)


def _copy(facts: Facts, now: datetime) -> Line:
    name = "Última copia buena"
    if facts.copies is None:
        return Line(name, "red", "no se puede leer la carpeta de copias", advice="Revisa el disco y sus permisos.")
    good = newest_good(facts.copies, now)
    if good is None:
        return Line(name, "red", "no hay ninguna", advice="Haz una ahora en Copias, o con: resguardo backup create")
    if now - good <= DAY:
        return Line(name, "green", f"hace {span(now - good)}", good)
    light: Light = "amber" if now - good <= 2 * DAY else "red"
    return Line(name, light, f"hace {span(now - good)}", good, "Haz una ahora y mira por qué no se hizo la de anoche.")


def _drill(facts: Facts, now: datetime) -> Line:
    name = "Último simulacro de restauración"
    last = last_drill(facts)
    if last is None:
        return Line(name, "red", "ninguno", advice="Corre: resguardo backup drill")
    at = datetime.fromisoformat(last["at"])
    if last["ok"] is None:
        return Line(name, "amber", f"no se pudo intentar: {last['detail']}", at, "Corre: resguardo backup drill")
    if not last["ok"]:
        return Line(name, "red", f"falló: {last['detail']}", at, "Haz otra copia; si vuelve a fallar, revisa el disco.")
    value = f"hace {span(now - at)}; el tablero volvió en {last['rto']:.1f} s"
    if now - at > timedelta(days=8):
        return Line(name, "amber", value, at, "Corre: resguardo backup drill")
    return Line(name, "green", value, at)


def _damage(facts: Facts) -> Line:
    name = "Copias dañadas"
    if facts.copies is None:
        return Line(name, "red", "no se sabe", advice="Revisa la carpeta de copias.")
    damaged = [row["id"] for row in facts.copies if row["state"] == "damaged"]
    if damaged:
        return Line(name, "amber", ", ".join(damaged[:3]), advice="No cuentes con ellas; revisa el disco.")
    if not facts.copies:
        return Line(name, "amber", "aún no hay copias que revisar")
    return Line(name, "green", "ninguna")


def _journal(facts: Facts) -> Line:
    name = "Diario"
    if facts.journal_trouble:
        return Line(name, "red", facts.journal_trouble, advice="Libera espacio o revisa el disco; se recupera solo.")
    return Line(name, "green", "se puede escribir")


def _journaled(facts: Facts, now: datetime) -> Line:
    name = "Cambios todavía sin diario"
    to = facts.journal_complete_to
    if to is None:
        advice = "Pon en marcha el tablero; al empezar lo completa."
        return Line(name, "amber", "no se sabe: el diario no se ha completado nunca", advice=advice)
    behind = now - to
    value = f"ninguno; se comprobó hace {span(behind)}"
    if behind > timedelta(minutes=15):
        return Line(name, "amber", value, to, "El tablero lo comprueba cada dos minutos: ¿está en marcha?")
    return Line(name, "green", value, to)


def _loss(facts: Facts, now: datetime) -> Line:
    name = "Lo que se perdería si MongoDB fallara ahora"
    good = newest_good(facts.copies or (), now)
    if facts.journal_trouble is None and facts.journal_complete_to is not None:
        return Line(name, "green", "nada de lo confirmado: está también en el diario")
    if good is None:
        return Line(name, "red", "todo", advice="Haz una copia ahora.")
    return Line(name, "amber", f"lo de las últimas {span(now - good)}", good, "Resuelve lo del diario.")


def _mongodb(facts: Facts) -> Line:
    name = "MongoDB"
    if facts.mongodb_trouble or facts.topology is None:
        advice = "Mientras, la última copia buena se puede leer. Revisa el servidor de MongoDB."
        return Line(name, "red", facts.mongodb_trouble or "no se pudo medir", advice=advice)
    if facts.topology == "embedded":
        # As many as the last look saw: counting would make the embedded server pause.
        many = facts.external_seen is not None and (facts.external_seen.batches or 0) > EMBEDDED_SERVES
        advice = "Con más de 10,000 batches usa un MongoDB propio." if many else ""
        return Line(name, "amber" if many else "green", "servidor incluido, con diario", advice=advice, standing=True)
    if facts.topology == "standalone":
        advice = "El diario y las copias lo cubren; con tres réplicas tampoco se detendría el trabajo."
        return Line(name, "amber", "un solo servidor", advice=advice, standing=True)
    return Line(name, "green", "conjunto de réplicas" if facts.topology == "replica set" else "fragmentado")


def _external(facts: Facts, now: datetime) -> Line:
    name = "Cambios de otros programas"
    last = facts.external_seen
    if last is None:
        return Line(name, "amber", "aún no se han buscado", advice="El tablero los busca solo mientras está en marcha.")
    value = f"todos en el historial; se buscaron hace {span(now - last.ended)}"
    late = last.is_overdue(now)
    return Line(name, "amber" if late else "green", value, last.ended, "¿Está en marcha el tablero?" if late else "")


def _schedule(facts: Facts, now: datetime) -> Line:
    name = "Copias automáticas"
    if facts.next_copy is None:
        return Line(name, "red", "apagadas", advice="Pon un horario en la configuración (backup_daily).")
    if facts.jobs_failure:
        at = facts.jobs_failure["at"]
        return Line(name, "red", f"la última falló: {facts.jobs_failure['why']}", at, "Se intenta de nuevo sola.")
    if facts.jobs_tick is None or now - facts.jobs_tick > timedelta(minutes=5):
        return Line(name, "amber", "detenidas", facts.jobs_tick, "Pon en marcha el tablero; hace las que falten.")
    return Line(name, "green", f"en marcha; la próxima en {span(facts.next_copy - now)}")


def _disk(facts: Facts) -> Line:
    name = "Espacio en disco"
    if facts.free is None or facts.total is None:
        return Line(name, "red", "no se puede medir", advice="Revisa la carpeta de datos.")
    largest = max((int(row.get("bytes", 0)) for row in facts.copies or ()), default=0)
    value = f"{facts.free / MEGABYTE / 1024:,.1f} GB libres de {facts.total / MEGABYTE / 1024:,.1f}"
    if facts.free < max(ROOM_FOR * largest, 100 * MEGABYTE):
        return Line(name, "red", value, advice="Libera espacio: no caben las próximas copias.")
    light: Light = "amber" if facts.free < facts.total / 20 else "green"
    return Line(name, light, value, advice="Queda menos del 5 %." if light == "amber" else "")


def _mail(facts: Facts) -> list[Line]:
    """Nothing where no mail is to be sent."""
    name, mail = "Correo", facts.mail
    if not facts.mail_set:
        return []
    if mail is None:
        return [Line(name, "amber", "no se pudo medir", advice="Revisa el servidor de MongoDB.")]
    if mail.away_since is not None:
        value = f"el servidor no contesta: {mail.why}; esperan {mail.waiting}"
        return [Line(name, "amber", value, mail.away_since, "Revisa los datos del servidor en Correo; se reintenta.")]
    if mail.failed:
        value = f"no se pudieron enviar {mail.failed}; esperan {mail.waiting}"
        return [Line(name, "amber", value, advice="Mira por qué en Correo.")]
    return [Line(name, "green", f"esperan {mail.waiting}, ninguno falló")]


def span(length: timedelta) -> str:
    """A length of time as people say it: `40 s`, `12 min`, `3 h`, `2 días`."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 36 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400)} días"
