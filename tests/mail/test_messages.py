"""What arrives: a file that is the export to the byte, a body to read, headers that nobody's name can break."""

from __future__ import annotations

import email
import io
from email.policy import SMTP, strict

import openpyxl
import pytest

from resguardo.board.change import Create, assign, edit
from resguardo.exchange import exports
from resguardo.mail.address import Recipient
from resguardo.mail.delivery import deliver, queue
from resguardo.mail.messages import Writer, bounded, compose

NAUGHTY = [
    'Ana "la jefa" <ana@otro.mx>',
    "Ana\u2028Bcc: x@x.mx",
    '=HYPERLINK("http://x")',
    "<script>alert(1)</script>",
    "José Ángel Ñuñez, Jr.; & hijos",
    "../../etc/passwd",
    "\u202egnp.exe",
    "王小明 🧪",
    "{{ 7*7 }} %(name)s {x}",
    "N" * 300,
    "=?utf-8?q?Bcc=3A?=",
]


@pytest.fixture
def writer(team, mailing):
    return Writer(mailing, team.store, team.now().astimezone(team.zone))


def received(team, mailing, draft, key="k"):
    now = team.now()
    assert queue(team.store, mailing, draft, key, now)
    (sent,) = deliver(team.store, mailing, team.now)
    assert sent.outcome.state == "sent"


def test_the_attachment_is_the_export_to_the_byte(team, mailing, office, writer):
    received(team, mailing, writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "es")))
    (message,) = office.messages
    (file,) = message.iter_attachments()
    name, chunks = exports.worklist(team.store.pages, "Ana", team.now().astimezone(team.zone).date())
    assert file.get_filename() == name
    assert file.get_content_type() == "text/csv"
    assert file.get_payload(decode=True) == b"".join(chunks)
    assert file.get_payload(decode=True).startswith(b"\xef\xbb\xbfBatch ID,Responsable,Estatus\r\nbatch_000001,Ana,")


def test_the_list_can_go_as_a_workbook(team, mailing, office):
    mailing = mailing.model_copy(update={"mail_attachment": "xlsx"})
    writer = Writer(mailing, team.store, team.now().astimezone(team.zone))
    received(team, mailing, writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "es")))
    (message,) = office.messages
    (file,) = message.iter_attachments()
    assert file.get_filename().endswith(".xlsx")
    assert file.get_content_type() == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    sheet = openpyxl.load_workbook(io.BytesIO(file.get_payload(decode=True))).worksheets[0]
    cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
    assert [cell for cell in cells if str(cell).startswith("batch_")] == [f"batch_{n:06}" for n in (1, 2, 3)]


def test_the_body_can_be_read_as_text_and_as_html(team, mailing, office, writer):
    received(team, mailing, writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "es")))
    (message,) = office.messages
    assert message["Subject"] == "Tu lista de trabajo: 3 batches"
    assert str(message["From"]) == "Tablero <tablero@ejemplo.mx>"
    assert str(message["To"]) == "Ana <ana@ejemplo.mx>"
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()
        assert "Hola, Ana." in body
        assert "batch_000003" in body
        assert "batch_000004" not in body


def test_it_is_in_the_persons_language(team, writer):
    draft = writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "en"))
    assert draft.subject == "Your work list: 3 batches"
    assert "Hello, Ana." in draft.text
    assert 'lang="en"' in draft.html


def test_all_that_is_sent_is_ascii_and_no_line_too_long(team, mailing, writer):
    _, content = compose(writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "es")), mailing, team.now())
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


@pytest.mark.parametrize("name", NAUGHTY)
def test_a_name_is_only_ever_text(team, mailing, office, writer, name):
    ledger = team
    ledger.record([Create("segmentador", name, {"email": "n@ejemplo.mx"})], actor="t", via="cli")
    ledger.record([assign("batch_000001", name)], actor="t", via="cli")
    received(ledger, mailing, writer.worklist(Recipient(name, "n@ejemplo.mx", "es")))
    assert office.envelopes == [["n@ejemplo.mx"]]
    message = email.message_from_bytes(office.raw[0], policy=SMTP)
    assert [address.addr_spec for address in message["To"].addresses] == ["n@ejemplo.mx"]
    assert not message["Bcc"]
    assert message.keys().count("To") == 1
    (file,) = message.iter_attachments()
    assert file.get_payload(decode=True) == b"".join(exports.worklist(ledger.store.pages, name, ledger.now().date())[1])
    assert "/" not in file.get_filename()
    html = message.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "49" not in html or "7*7" in html


def test_a_name_of_old_data_with_a_line_end_does_not_end_a_header(team, mailing, office, writer):
    draft = writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "es"))
    evil = Recipient("Ana\r\nBcc: x@x.mx\r\n\r\nhola", "ana@ejemplo.mx", "es")
    _, content = compose(type(draft)("worklist", evil, "a\r\nBcc: y@x.mx", draft.text, draft.html), mailing, team.now())
    message = email.message_from_bytes(content, policy=strict)
    assert message["Bcc"] is None
    assert message["To"].addresses[0].addr_spec == "ana@ejemplo.mx"


def test_a_comment_or_an_id_cannot_become_markup(team, writer):
    team.record([Create("batch", "<b>&x", {"assignee": "Zoé"})], actor="t", via="cli")
    draft = writer.worklist(Recipient("Zoé", "z@ejemplo.mx", "es"))
    assert "&lt;b&gt;&amp;x" in draft.html
    assert "<b>&x" in draft.text


def test_a_due_reminder_tells_what_is_late(team, writer):
    team.record([edit("batch", "batch_000001", {"metadata": {"due_date": "2020-01-02"}})], actor="t", via="cli")
    rows = [row for row in team.store.pages.work_of("Ana") if row["id"] in ("batch_000001", "batch_000002")]
    draft = writer.due(Recipient("Ana", "ana@ejemplo.mx", "es"), rows)
    assert draft.subject == "1 batch vencido, 1 por vencer"
    assert "batch_000001 · NS · media · jue 2 ene · vencido" in draft.text


def test_the_summary_tells_what_was_finished_since(team, mailing, office, writer):
    team.record([edit("batch", f"batch_00000{n}", {"status": "S"}) for n in (1, 2)], actor="t", via="cli")
    draft = writer.summary(Recipient("Alice", "alice@ejemplo.mx", "es", lead=True), {"Ana": 1}, team.now())
    assert draft.subject == "Resumen del equipo: 40.0% completado"
    assert "- Ana: NS 1, In 0, S 2 (+1), 66.7 %" in draft.text
    received(team, mailing, draft)
    (file,) = office.messages[0].iter_attachments()
    assert file.get_content().lstrip("\ufeff").startswith("Segmentador,Total Batches,")


def test_a_list_that_is_too_large_is_not_attached_and_the_message_says_so(team, monkeypatch, writer):
    assert bounded([b"abc", b"def"], 5) is None
    monkeypatch.setattr("resguardo.mail.messages.LARGEST_FILE", 5)
    monkeypatch.setattr("resguardo.mail.messages.bounded", lambda chunks: bounded(chunks, 5))
    draft = writer.worklist(Recipient("Ana", "ana@ejemplo.mx", "es"))
    assert draft.attachment is None
    assert "demasiado grande" in draft.text


def test_a_link_leads_out_only_where_the_board_has_a_public_address(team, mailing):
    now = team.now().astimezone(team.zone)
    ana = Recipient("Ana", "ana@ejemplo.mx", "es")
    private = Writer(mailing, team.store, now).worklist(ana)
    assert "http" not in private.html.replace("http-equiv", "")
    assert b"List-Unsubscribe: <mailto:tablero@ejemplo.mx?subject=Baja>\r\n" in compose(private, mailing, now)[1]
    public = mailing.model_copy(update={"public_url": "https://tablero.ejemplo.mx"})
    draft = Writer(public, team.store, now).worklist(ana)
    assert draft.off.startswith("https://tablero.ejemplo.mx/mail/off/")
    content = compose(draft, public, now)[1]
    assert f"List-Unsubscribe: <{draft.off}>, <mailto:".encode() in content
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
