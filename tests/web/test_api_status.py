from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from flask import Flask

from browsing import Browser
from resguardo import status
from resguardo.config import Settings
from resguardo.errors import MailTrouble
from resguardo.ledger.external import Found, LastLook
from resguardo.ledger.record import Ledger
from resguardo.mail.delivery import note
from resguardo.mail.state import MailState, mail_state
from resguardo.status import Facts, judge
from resguardo.store import Store
from resguardo.web.metrics import FIGURES, figures

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD_COPY: dict[str, Any] = {
    "id": "x",
    "state": "good",
    "moment": (NOW - timedelta(hours=3)).isoformat(),
    "bytes": 10,
    "drill": {"at": (NOW - timedelta(hours=3)).isoformat(), "ok": True, "rto": 4.25},
}
WELL = Facts(
    copies=[GOOD_COPY],
    journal_trouble=None,
    journal_complete_to=NOW,
    mongodb_trouble=None,
    topology="embedded",
    external_seen=LastLook(NOW, Found(), 429),
    jobs_tick=NOW,
    jobs_failure=None,
    next_copy=NOW + timedelta(hours=11),
    free=10**11,
    total=2 * 10**11,
)
OLD = {**GOOD_COPY, "moment": (NOW - timedelta(days=3)).isoformat()}
FAILED = {**GOOD_COPY, "state": "damaged", "drill": {**GOOD_COPY["drill"], "ok": False, "detail": "algo"}}
UNTRIED = {**GOOD_COPY, "drill": {**GOOD_COPY["drill"], "ok": None, "detail": "algo"}}
LONG_AGO = {**GOOD_COPY, "drill": {**GOOD_COPY["drill"], "at": (NOW - timedelta(days=20)).isoformat()}}
UNWELL: list[dict[str, Any]] = [
    {"copies": None},
    {"copies": []},
    {"copies": [OLD]},
    {"copies": [FAILED]},
    {"copies": [UNTRIED]},
    {"copies": [LONG_AGO]},
    {"journal_complete_to": None},
    {"journal_complete_to": NOW - timedelta(hours=2)},
    {"journal_complete_to": None, "copies": []},
    {"topology": None},
    {"topology": "standalone"},
    {"topology": "replica set"},
    {"topology": "sharded"},
    {"external_seen": LastLook(NOW, Found(), 20_000)},
    {"external_seen": None},
    {"external_seen": LastLook(NOW - timedelta(days=2), Found(), 429)},
    {"jobs_tick": None},
    {"jobs_failure": {"at": NOW, "why": "algo"}},
    {"next_copy": None},
    {"free": None},
    {"free": 10**9},
    {"free": 10**6},
]
AWAY = MailState(3, 0, NOW - timedelta(hours=2), "x")
MAIL: list[tuple[MailState | None, str]] = [
    (None, "amber"),
    (MailState(0, 0), "green"),
    (MailState(2, 1), "amber"),
    (AWAY, "amber"),
]


def read(somebody: Browser) -> dict[str, Any]:
    answer = somebody.get("/api/status")
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def line(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(row) for row in report["lines"] if row["name"] == name)


def test_it_says_no_until_there_is_a_good_copy(alice: Browser) -> None:
    before = read(alice)
    assert (before["safe"], before["light"], before["shield"], before["good_copy"]) == (False, "red", "red", None)
    assert line(before, "Última copia buena")["value"] == "no hay ninguna"


def test_a_copy_from_the_page_is_known_at_once(alice: Browser, done: Callable[[str], dict[str, Any]]) -> None:
    read(alice)
    begun = alice.post("/api/backups", {"background": True, "reason": "manual"}).json or {}
    made = done(begun["task"])["result"]
    after = read(alice)
    assert after["good_copy"] == made["moment"]
    assert line(after, "Última copia buena")["state"] == "green"
    assert line(after, "Último simulacro de restauración")["state"] == "green"


def test_one_answer_serves_all_who_ask(
    browser: Callable[[str], Browser], alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    gather = status.gather

    def counted(*given: Any) -> Facts:
        asked.append(given)
        return gather(*given)

    monkeypatch.setattr(status, "gather", counted)
    first = read(alice)
    for name in ("Rita", "Bob", "Charlie"):
        assert read(browser(name)) == first
    assert len(asked) == 1


def test_nobody_is_told_who_is_not_logged_in(app: Flask) -> None:
    assert app.test_client().get("/api/status").status_code == 401


def test_a_vault_that_cannot_be_read_is_a_risk(alice: Browser, settings: Settings) -> None:
    (settings.data / "vault").write_bytes(b"")
    report = read(alice)
    assert report["shield"] == "red"
    assert line(report, "Última copia buena")["value"] == "no se puede leer la carpeta de copias"
    answer = alice.get("/api/backups")
    assert answer.status_code == 503
    assert "No se puede leer la carpeta de copias" in answer.text


def test_how_the_installation_is_does_not_colour_the_shield() -> None:
    report = status.Report(judge(WELL, NOW), NOW, NOW)
    assert (report.light, report.shield) == ("amber", "green")
    assert {row.name for row in report.lines if row.state != "green"} == {
        "Copias fuera de esta máquina",
        "Máscaras en las copias",
    }


@pytest.mark.parametrize("wrong", [{}, *UNWELL], ids=str)
def test_programs_know_every_line_and_figure_by_a_name(wrong: dict[str, Any]) -> None:
    facts = replace(WELL, **wrong)
    keys = [line.key for line in judge(facts, NOW)]
    assert len(set(keys)) == len(keys)
    assert set(figures(facts, NOW)) <= FIGURES.keys()


def test_what_could_not_be_measured_is_no_figure() -> None:
    well = figures(WELL, NOW)
    assert set(well) == FIGURES.keys()
    assert (well["last_good_copy_age_seconds"], well["last_archive_age_seconds"]) == (3 * 3600, 3 * 3600)
    assert (well["archives"], well["drill_restore_seconds"], well["loss_seconds"]) == (1, 4.25, 0)
    no_journal = replace(WELL, journal_trouble="disco lleno")
    assert figures(no_journal, NOW)["loss_seconds"] == 3 * 3600
    unreadable = figures(replace(no_journal, copies=None), NOW)
    assert not {"loss_seconds", "archives", "last_archive_age_seconds"} & unreadable.keys()
    assert figures(replace(WELL, copies=[]), NOW)["archives"] == 0


@pytest.mark.parametrize("wrong", UNWELL, ids=str)
def test_what_is_wrong_is_seen_in_a_line_that_says_what_to_do(wrong: dict[str, Any]) -> None:
    lines = {row.name: row for row in judge(WELL, NOW)}
    worse = [row for row in judge(replace(WELL, **wrong), NOW) if row != lines[row.name]]
    assert worse
    for row in worse:
        assert row.state == "green" or row.advice or row.value.startswith("aún no"), row


@pytest.mark.parametrize("wrong", [{}, *UNWELL], ids=str)
def test_every_line_can_be_read_in_english(wrong: dict[str, Any]) -> None:
    """A value is in the catalogue, or made from a template that the pages know (frontend/src/lib/said.ts)."""
    known = translations()
    for row in judge(replace(WELL, **wrong), NOW):
        assert known.get(row.name), row
        assert not row.advice or known.get(row.advice), row
        assert known.get(row.value) or row.value == "x" or any(fits(template, row.value) for template in templates()), (
            row
        )


@pytest.mark.parametrize(("state", "light"), MAIL, ids=str)
def test_mail_has_a_line_where_it_is_set_and_only_there(state: MailState | None, light: str) -> None:
    assert "Correo" not in {row.name for row in judge(replace(WELL, mail=state), NOW)}
    found = next(row for row in judge(replace(WELL, mail_set=True, mail=state), NOW) if row.name == "Correo")
    assert (found.state, bool(found.advice)) == (light, light != "green")
    assert found.since == (state.away_since if state else None)
    known = translations()
    assert all(known.get(text) for text in (found.name, found.advice) if text)
    assert known.get(found.value) or any(fits(template, found.value) for template in templates())


def test_what_waits_and_fails_is_measured(store: Store, ledger: Ledger, settings: Settings) -> None:
    mailing = settings.model_copy(update={"smtp_host": "127.0.0.1", "mail_from": "tablero@ejemplo.mx"})
    row = {"to": "a@ejemplo.mx", "made_at": NOW, "until": NOW}
    assert store.outbox.put("one", row, b"x")
    assert store.outbox.put("two", row, b"x")
    claimed = store.outbox.claim(NOW, NOW + timedelta(minutes=1), "two")
    assert claimed
    store.outbox.finish(claimed, "failed", NOW, "no")
    assert mail_state(store) == MailState(1, 1)
    note(store, MailTrouble("se fue"), NOW)
    facts = status.gather(mailing, store, ledger.journal, NOW)
    assert facts.mail == MailState(1, 1, NOW, "se fue")
    assert facts.mail_set


def test_every_template_has_its_translation() -> None:
    known = translations()
    assert len(templates()) > 15
    assert [template for template in templates() if not known.get(template)] == []


def fits(template: str, text: str) -> bool:
    pieces = re.split(r"\{\w+\}", template)
    return re.fullmatch("(.+?)".join(map(re.escape, pieces)), text) is not None


def templates() -> list[str]:
    source = (ROOT / "frontend/src/lib/said.ts").read_text(encoding="utf-8")
    return re.findall(r'^  "(.+)",$', source, re.MULTILINE)


def translations() -> dict[str, str]:
    path = ROOT / "src/resguardo/web/translations/en/LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        return {row.id: str(row.string) for row in read_po(file) if isinstance(row.id, str)}
