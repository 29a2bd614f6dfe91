"""`restore` and `backup diff`, as processes."""

from __future__ import annotations

import csv
import json

import bson
import pytest

from resguardo.board.change import Create, Delete, edit
from resguardo.store import open_store
from waiting import wait_until


@pytest.fixture
def team(ledger):
    def do(*changes, actor="Ana"):
        receipt = ledger.record(list(changes), actor=actor, via="api")
        wait_until(lambda: ledger.now() > receipt.at)
        return receipt

    do(*(Create("batch", f"b{n}", {"comments": f"c{n}", "assignee": "Ana" if n else "Beto"}) for n in range(3)))
    return do


@pytest.fixture
def answer(run):
    def answer(*arguments, code=0):
        done = run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return answer


def test_back_to_before_an_operation_for_one_person(answer, run, team, store):
    op = team(*(edit("batch", f"b{n}", {"comments": "malo"}) for n in range(3)), actor="Rita").op
    text = run("restore", "--before", op, "--dry-run")
    assert "0 nuevos, 3 cambian, 0 vuelven, 0 se eliminan" in text.stdout
    assert "comments: «malo» → «c0»  (Rita, " in text.stdout
    assert "Lo último que incluye: b" in text.stdout
    made = answer("restore", "--before", op, "--assignee", "Ana", "--text", "b1", "--dry-run")
    assert ([row["id"] for row in made["changes"]], made["last_change"]["actor"]) == (["b1"], "Ana")
    done = answer("restore", "--before", op, "--assignee", "Ana", "--field", "comments", "--yes")
    assert (done["changed"], done["conflict_count"]) == (2, 0)
    assert [store.pages.one(f"b{n}")["comments"] for n in range(3)] == ["malo", "c1", "c2"]
    assert answer("backup", "show", done["backup_before"])["safety"] is True


def test_a_moment_goes_into_another_database(answer, team, store, ledger, settings):
    moment = ledger.now().isoformat()
    wait_until(lambda: ledger.now().isoformat() > moment)
    team(Delete("batch", "b1"))
    other = f"{settings.database}_x"
    try:
        result = answer("restore", "--at", moment, "--into", other, "--assignee", "Ana")
        assert result == {"batches": 2, "segmentadores": 0, "refused": []}
        with open_store(settings.model_copy(update={"database": other})) as copy:
            assert {row["id"] for row in copy.pages.work_of("Ana")} == {"b1", "b2"}
    finally:
        store.connection.client.drop_database(other)


def test_deleting_wants_its_number(answer, run, team, store):
    op = team(Create("batch", "nuevo", {})).op
    refused = run("restore", "--before", op, "--equal", "--yes")
    assert (refused.returncode, "--yes-delete 1" in refused.stderr) == (15, True)
    assert answer("restore", "--before", op, "--equal", "--yes", "--yes-delete", "2", code=15)["success"] is False
    assert store.batches.count() == 4
    assert answer("restore", "--before", op, "--equal", "--yes", "--yes-delete", "1")["deleted"] == 1
    assert store.batches.count() == 3


@pytest.mark.parametrize(
    "given",
    [
        *([], ["x", "--at", "2020-01-01T00:00:00Z"], ["--at", "2020-01-01T00:00:00Z", "--before", "x"]),
        ["x.json", "--into", "otra", "--equal"],
    ],
)
def test_half_a_question_is_a_usage_error(run, given):
    assert run("restore", *given).returncode == 2


def test_what_cannot_be_reached_has_its_exit_code(run, team):
    assert run("restore", "--at", "2020-01-01T00:00:00Z", "--dry-run").returncode == 14
    assert run("restore", "nada", "--dry-run").returncode == 10
    missing = run("restore", "nada.json", "--dry-run")
    assert (missing.returncode, "nada.json" in missing.stderr) == (1, True)
    assert run("restore", "--before", "nada", "--equal", "--only-deleted").returncode == 1


def test_what_is_left_out_is_a_warning(answer, team, tmp_path):
    path = tmp_path / "batches.bson"
    path.write_bytes(bson.encode({"id": 5}) + bson.encode({"id": "n1"}))
    done = answer("restore", str(path), "--yes", code=3)
    assert (done["created"], done["skipped"], done["left_out"][0]["id"]) == (1, 1, "5")


def test_two_states_are_compared(answer, run, team, tmp_path, ledger):
    own = answer("backup", "create")["id"]
    team(edit("batch", "b0", {"status": "S", "comments": "=1"}), Delete("batch", "b1"))
    file = tmp_path / "x.csv"
    found = answer("backup", "diff", own, "now", "--csv", str(file))
    assert (found["removed"], found["changed"], found["unchanged"]) == (1, 1, 1)
    assert [row["id"] for row in found["changes"]] == ["b0", "b1"]
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[1] == ["batch", "b0", "cambió", "status", "NS", "S"]
    assert rows[2][5] == "'=1"
    text = run("backup", "diff", own, ledger.now().isoformat()).stdout
    assert "0 agregados, 1 quitados, 1 cambiaron, 1 iguales." in text
    assert "Beto: NS 1 → 0, S 0 → 1" in text
    assert "    status: «NS» → «S»" in text
    assert run("backup", "diff", "nada", "now").returncode == 10


ALL = {
    **{"--assignee": "Pérez, Ana", "--status": "S", "--review": "No Aprobado", "--priority": "alta"},
    **{"--due-after": "2026-11-01", "--due-before": "2026-12-01", "--text": "borde", "--batch": "old"},
    **{"--assigned-after": "2026-10-01", "--assigned-before": "2026-11-01"},
}
FITS = {"id": "old", "assignee": "Pérez, Ana", "status": "S", "comments": "El BORDE"}
INSIDE = {"review_status": "no_aprobado", "priority": "alta", "due_date": "2026-11-20", "assigned_at": "2026-10-05"}


def test_every_filter_is_an_option(answer, run, store, tmp_path):
    """Each of the others fails one option, and has an id that is asked for unless that is the one."""
    changes = {"assignee": "Ana", "status": "In", "comments": "x"}
    inside = [("review_status", "Pendiente"), ("priority", "baja"), ("due_date", "2026-12-01")]
    inside += [("due_date", "2026-10-31"), ("assigned_at", "2026-09-30"), ("assigned_at", "2026-11-01 00:00:00")]
    rows = [{**FITS, "metadata": INSIDE}, {**FITS, "id": "other", "metadata": INSIDE}]
    rows += [{**FITS, "id": f"x{name}", name: value, "metadata": INSIDE} for name, value in changes.items()]
    rows += [{**FITS, "id": f"y{n}", "metadata": {**INSIDE, name: value}} for n, (name, value) in enumerate(inside)]
    rows += [{"id": "nobody's", "metadata": {}}]
    path = tmp_path / "viejo.json"
    path.write_text(json.dumps({"batches": rows}), encoding="utf-8")
    asked = [part for row in rows if row["id"] != "other" for part in ("--batch", row["id"])]
    options = [part for pair in ALL.items() for part in pair]
    made = answer("restore", str(path), *options, *asked, "--dry-run")
    assert [row["id"] for row in made["changes"]] == ["old"]
    made = answer("restore", str(path), "--unassigned", "--dry-run")
    assert [row["id"] for row in made["changes"]] == ["nobody's"]
    wrong = run("restore", str(path), "--due-after", "mañana", "--dry-run")
    assert (wrong.returncode, "«due_after» no es una fecha" in wrong.stderr) == (1, True)
    assert store.batches.count() == 0
