"""`history` and `undo`, as processes."""

from __future__ import annotations

import json

import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.ledger.people import rename_batch
from waiting import wait_until


@pytest.fixture
def team(ledger):
    def do(*changes, actor="Ana"):
        return ledger.record(list(changes), actor=actor, via="api")

    do(Create("batch", "b1", {}), Create("batch", "b2", {}), Create("segmentador", "Beto", {}))
    return do


def test_the_history_of_a_batch_is_read(run, team, ledger):
    receipt = team(edit("batch", "b1", {"comments": "uno"}))
    before = receipt.at.isoformat()
    wait_until(lambda: ledger.now() > receipt.at)
    team(edit("batch", "b1", {"comments": "dos"}), actor="Rita")
    told = json.loads(run("history", "b1", "--json").stdout)
    assert (told["batch"], told["next"], [row["rev"] for row in told["timeline"]]) == ("b1", None, [3, 2, 1])
    text = run("history", "b1", "--limit", "1").stdout
    assert "Rita (api)  edit" in text
    assert "comments: «uno» → «dos»" in text
    assert "--before 3" in text
    told = json.loads(run("history", "b1", "--at", before, "--json").stdout)
    assert (told["batch"]["comments"], told["rev"]) == ("uno", 2)
    assert "comments: «uno»" in run("history", "b1", "--at", before).stdout
    assert "«Beto»" in run("history", "Beto", "--segmentador", "--at", before).stdout
    assert "no existía" in run("history", "b1", "--at", "2020-01-01T00:00:00Z").stdout


def test_a_rename_names_the_other_id(run, team, ledger):
    rename_batch(ledger, "b1", "z1", actor="Ana", via="api")
    assert "rename → z1" in run("history", "b1").stdout
    assert "rename ← b1" in run("history", "z1").stdout


def test_what_cannot_be_read_says_why_and_has_its_exit_code(run, team):
    assert run("history", "no_existe").returncode == 1
    assert run("history", "b1", "--at", "ayer").returncode == 1
    future = run("history", "b1", "--at", "2999-01-01T00:00:00Z")
    assert (future.returncode, "ahora" in future.stderr) == (14, True)


def test_an_operation_is_undone(run, team, store):
    receipt = team(Delete("batch", "b1"), Delete("batch", "b2"))
    seen = run("undo", receipt.op, "--dry-run", "--json")
    assert json.loads(seen.stdout)["undone"] == 2
    assert store.batches.count() == 0
    done = run("undo", receipt.op, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["undone"], told["conflicts"]) == (0, 2, [])
    assert store.batches.count() == 2
    assert store.entries.of_document("batch", "b1")[-1].op == told["operation"]
    assert "No queda nada" in run("undo", receipt.op).stdout
    assert run("undo", "nada").returncode == 1


def test_conflicts_are_a_warning_and_can_be_decided(run, team, store):
    receipt = team(edit("batch", "b1", {"comments": "uno"}), edit("batch", "b2", {"comments": "uno"}))
    team(edit("batch", "b1", {"comments": "dos"}), actor="Rita")
    done = run("undo", receipt.op)
    assert done.returncode == 3
    assert "b1:comments  ahora «dos», antes «»  (Rita, " in done.stdout
    assert (store.pages.one("b1")["comments"], store.pages.one("b2")["comments"]) == ("dos", "")
    taken = run("undo", receipt.op, "--take", "b1:comments", "--json")
    assert (taken.returncode, json.loads(taken.stdout)["undone"]) == (0, 1)
    assert store.pages.one("b1")["comments"] == ""


def test_everything_somebody_did_is_undone(run, team, store, ledger):
    begun = ledger.now().isoformat()
    team(Delete("batch", "b1"), actor="Malo")
    team(edit("batch", "b2", {"comments": "malo"}), actor="Malo")
    done = run("undo", "--actor", "Malo", "--from", begun, "--to", ledger.now().isoformat())
    assert (done.returncode, "Vuelven a como estaban: 2." in done.stdout) == (0, True)
    assert (store.batches.count(), store.pages.one("b2")["comments"]) == (2, "")


@pytest.mark.parametrize("given", [[], ["op", "--actor", "x"], ["--actor", "x"], ["--from", "2020-01-01T00:00:00Z"]])
def test_half_a_question_is_a_usage_error(run, given):
    assert run("undo", *given).returncode == 2
