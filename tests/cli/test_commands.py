"""The real commands, as processes."""

from __future__ import annotations

import json
import subprocess
import sys

import openpyxl

import resguardo


def test_adopting_and_handing_out(run, store, tmp_path):
    store.connection.database["batches"].insert_many(
        [{"id": "b2", "assignee": "Ana"}, {"id": "b1", "assignee": "Ana", "metadata": {"assigned_at": "2025-10-15"}}]
    )
    done = run("adopt", "--json")
    assert json.loads(done.stdout) == {"adopted": 2, "problems": 0, "mended": 0}
    done = run("export", "worklist", "Ana", "--json")
    assert json.loads(done.stdout)["file"] == "Ana_20251015.csv"
    assert (tmp_path / "Ana_20251015.csv").read_text(encoding="utf-8-sig") == (
        "Batch ID,Responsable,Estatus\nb1,Ana,\nb2,Ana,\n"
    )
    assert run("export", "summary", "-o", "resumen.csv").returncode == 0
    assert "Ana,2,0,0,0,0.0%" in (tmp_path / "resumen.csv").read_text(encoding="utf-8-sig")


def test_batches_are_exported_by_filter_in_every_format(run, store, tmp_path):
    store.connection.database["batches"].insert_many(
        [{"id": "b1", "assignee": "Ana", "status": "S"}, {"id": "b2", "status": "NS"}]
    )
    run("adopt")
    chosen = ("--status", "S", "--columns", "id,status", "-o")
    assert run("export", "batches", *chosen, "b.csv", "--separator", ";").returncode == 0
    assert (tmp_path / "b.csv").read_bytes() == "\ufeffBatch ID;Estatus\r\nb1;S\r\n".encode()
    assert run("export", "batches", *chosen, "b.xlsx", "--format", "xlsx").returncode == 0
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx")["Batches"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [["Batch ID", "Estatus"], ["b1", "S"]]
    assert run("export", "batches", *chosen, "b.json", "--format", "json").returncode == 0
    assert json.loads((tmp_path / "b.json").read_bytes())["batches"] == [{"id": "b1", "assignee": "Ana", "status": "S"}]
    contradiction = run("export", "batches", "--unassigned", "--assignee", "Ana")
    assert (contradiction.returncode, "se contradicen" in contradiction.stderr) == (2, True)


def test_an_error_says_what_to_do_and_leaves_no_file(run, tmp_path):
    done = run("export", "worklist", "Nadie", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == (
        "No se encontraron batches para Nadie. Revisa el nombre o asígnale trabajo en Asignar."
    )
    assert not list(tmp_path.glob("*.csv"))


def test_a_mongodb_that_is_away_is_said_within_seconds(run):
    done = run("export", "summary", RESGUARDO_MONGODB_URI="mongodb://127.0.0.1:9/")
    assert done.returncode == 1
    assert "No se puede hablar con MongoDB" in done.stderr


def test_a_setting_that_cannot_be_used_is_a_usage_error(run):
    done = run("export", "summary", RESGUARDO_ZONE="Marte/Olimpo")
    assert done.returncode == 2
    assert "Marte/Olimpo" in done.stderr


def test_an_account_is_made_listed_given_a_token_and_closed(run):
    done = run("account", "add", "ana", "--role", "lead", "--password-stdin", "--json", stdin="correcto caballo\n")
    assert json.loads(done.stdout) == {"name": "ana", "role": "lead"}
    assert (
        run("account", "add", "ana", "--role", "jefa", "--password-stdin", stdin="correcto caballo\n").returncode == 1
    )
    assert run("account", "add", "beto", "--role", "viewer", "--password-stdin", stdin="corta\n").returncode == 1
    assert len(json.loads(run("account", "token", "ana", "--json").stdout)["token"]) > 30
    assert run("account", "token", "nadie").returncode == 1
    assert run("account", "passwd", "ana", "--password-stdin", stdin="otra más larga\n").returncode == 0
    assert json.loads(run("account", "token", "ana", "--revoke", "--json").stdout)["revoked"] == 1
    assert run("account", "disable", "ana").returncode == 15  # nobody else could let people in
    assert run("account", "add", "eva", "--role", "lead", "--password-stdin", stdin="otra más larga\n").returncode == 0
    assert run("account", "disable", "ana").returncode == 0
    assert json.loads(run("account", "list", "--json").stdout)["accounts"] == [
        {"name": "ana", "role": "lead", "segmentador": None, "disabled": True},
        {"name": "eva", "role": "lead", "segmentador": None, "disabled": False},
    ]
    assert run("account", "passwd", "ana").returncode == 2


def test_it_says_which_version_it_is(run):
    assert run("--version").stdout == f"resguardo {resguardo.__version__}\n"


SEEN = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(" ".join(sys.modules)))
from resguardo.__main__ import main
main()
"""


def test_a_short_command_does_not_wait_for_what_others_need(settings):
    command = [sys.executable, "-c", SEEN, "backup", "list", "--data", str(settings.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    imported = set(done.stderr.split())
    assert "resguardo.cli.backups" in imported
    assert imported.isdisjoint({"flask", "granian", "xlsxwriter", "jinja2"})
