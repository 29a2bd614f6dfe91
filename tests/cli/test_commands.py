"""The real commands, as processes."""

from __future__ import annotations

import json


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
    assert run("account", "disable", "ana").returncode == 0
    assert json.loads(run("account", "list", "--json").stdout)["accounts"] == [
        {"name": "ana", "role": "lead", "segmentador": None, "disabled": True}
    ]
    assert run("account", "passwd", "ana").returncode == 2
