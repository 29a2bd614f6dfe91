"""What differs between two states of the board."""

from __future__ import annotations

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resguardo.board.change import Create, Delete, edit
from resguardo.errors import Invalid, NotFound, NoVault
from resguardo.vault import diff
from resguardo.vault.catalogue import Catalogue, back_up
from resguardo.vault.diff import Chosen, Difference
from resguardo.vault.sources import Opened, open_archive, open_named, open_now
from waiting import wait_until


class Raws:
    def __init__(self, *rows):
        self._rows = [row if isinstance(row, bytes) else bson.encode(row) for row in rows]

    def batches(self):
        return iter(self._rows)

    def segmentadores(self):
        return iter(())


def compared(a, b):
    return Difference(Opened(Raws(*a)), Opened(Raws(*b)))


def told(found):
    return [(row["id"], row["what"], row["fields"]) for row in found.page(1, 1000)]


def test_an_archive_and_the_board_differ_by_what_was_done_since(settings, store, ledger):
    catalogue = Catalogue(settings.data / "vault")
    ledger.record(
        [Create("segmentador", "Ana", {}), *(Create("batch", f"b{n}", {"assignee": "Ana"}) for n in range(4))],
        actor="a",
        via="api",
    )
    own = back_up(catalogue, ledger, "prueba")["id"]
    ledger.record(
        [
            *(Delete("batch", "b0"), Create("batch", "nuevo", {"assignee": "Beto", "status": "S"})),
            edit("batch", "b1", {"comments": "x", "metadata": {"priority": "alta"}}),
            *(edit("batch", "b2", {"status": "S"}), Create("segmentador", "Beto", {})),
        ],
        actor="a",
        via="api",
    )
    with open_archive(catalogue, own) as before, open_now(ledger) as after, Difference(before, after) as found:
        summary = found.summary()
        assert told(found) == [
            ("Beto", "added", []),
            ("b0", "removed", []),
            ("b1", "changed", ["comments", "metadata.priority"]),
            ("b2", "changed", ["status"]),
            ("nuevo", "added", []),
        ]
        values = found.page(3, 1)[0]["values"]
        assert values[1] == {"field": "metadata.priority", "from": "media", "to": "alta"}
    counts = {name: summary[name] for name in ("added", "removed", "changed", "unchanged")}
    assert counts == {"added": 1, "removed": 1, "changed": 2, "unchanged": 1}
    assert summary["segmentadores"]["added"] == 1
    assert summary["fields"] == {"comments": 1, "metadata.priority": 1, "status": 1}
    assert (summary["a"]["id"], summary["b"]["kind"]) == (own, "now")
    ana, beto = summary["people"]
    assert (ana["name"], ana["before"]["total"], ana["after"]) == (
        "Ana",
        4,
        {"total": 3, "NS": 2, "In": 0, "S": 1, "other": 0},
    )
    assert (beto["before"]["total"], beto["after"]["S"]) == (0, 1)
    assert summary["totals"]["before"]["total"] == summary["totals"]["after"]["total"] == 4
    with pytest.raises(NotFound):
        found.page(1, 1)


def test_two_moments_are_compared(settings, store, ledger):
    catalogue = Catalogue(settings.data / "vault")
    moments = []
    for name in ("b1", "b2"):
        moments.append(ledger.record([Create("batch", name, {})], actor="a", via="api").at)
        wait_until(lambda: ledger.now() > moments[-1])
    first, second = (moment.isoformat() for moment in moments)
    with open_named(first, catalogue, ledger) as a, open_named(second, catalogue, ledger) as b:
        assert told(Difference(a, b)) == [("b2", "added", [])]
    with pytest.raises(NoVault), open_named("nada", catalogue, ledger):
        pass
    with pytest.raises(Invalid), open_named("2026-11-20T15:00", catalogue, ledger):
        pass


def test_an_own_id_a_revision_and_the_order_of_fields_are_no_difference():
    a = [{"_id": 1, "id": "a", "x": 1, "y": 2}, {"id": "b", "_rev": 3}]
    b = [{"_id": 2, "id": "a", "y": 2, "x": 1}, {"_id": 9, "id": "b"}]
    found = compared(a, b)
    assert (told(found), found.summary()["unchanged"]) == ([], 2)


def test_what_has_no_id_is_counted_and_what_has_an_id_twice_is_told():
    found = compared([{"id": "a"}, {"id": "a", "x": 1}, {"x": 1}], [{"id": 5}, {"id": "a"}])
    assert told(found) == [("a", "removed", [])]
    assert (found.summary()["unnamed"], found.summary()["unchanged"]) == ({"a": 1, "b": 1}, 1)


def test_long_texts_are_cut_off_but_not_in_a_file():
    found = compared([{"id": "a", "x": "y" * 5000}], [{"id": "a", "x": 1}])
    (row,) = found.rows()
    assert len(found.page(1, 1)[0]["values"][0]["from"]) == diff.MOST_VALUE + 1
    assert len(row.told(None)["values"][0]["from"]) == 5000


def test_a_document_of_the_usual_shape_is_counted_as_any_other():
    odd = [
        *({"_id": bson.ObjectId(), "id": "a", "assignee": name, "status": "S"} for name in ("Ana", None, 5, "")),
        *({"_id": bson.ObjectId(), "id": "a", "status": "S", "assignee": "Ana"}, {"id": "a", "assignee": "Ana"}),
        {"_id": bson.ObjectId(), "id": "a", "assignee": "Ana", "status": "S", "metadata": {"review_status": "x"}},
        {"_id": bson.ObjectId(), "id": "a", "assignee": "Ana", "status": "S", "x": b"\2status\0"},
    ]
    for row in odd:
        value = tuple(row.get(name) if isinstance(row.get(name), str) else None for name in ("assignee", "status"))
        assert diff._work(bson.encode(row)) == value


rows = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), unique_by=lambda row: row[0], max_size=30)


@given(a=rows, b=rows, ordered=st.booleans())
def test_whatever_the_order_it_is_what_two_dictionaries_say(a, b, ordered):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diff, "BLOCK", 3)
        patch.setattr(diff, "WINDOW", 1)
        sides = [sorted(side) if ordered else side for side in (a, b)]
        found = compared(*([{"_id": n, "id": f"b{n:02}", "x": x} for n, x in side] for side in sides))
        old, new = ({f"b{n:02}": x for n, x in side} for side in (a, b))
        expected = [
            (name, "added" if name not in old else "removed" if name not in new else "changed")
            for name in sorted(old | new)
            if old.get(name) != new.get(name)
        ]
        assert [(name, what) for name, what, _ in told(found)] == expected
        assert found.summary()["unchanged"] == len(old.items() & new.items())
        assert sum(found.summary()["unnamed"].values()) == 0


def test_a_part_of_what_differs_is_chosen_counted_and_leafed_through():
    a = [{"id": f"a{n}", "assignee": "Ana", "status": "NS"} for n in range(6)] + [{"id": "Ñu", "assignee": " "}]
    b = [{"id": f"a{n}", "assignee": "Ana" if n else "Beto", "status": "S"} for n in range(5)]
    b += [{"id": "b1", "assignee": "Beto", "status": "In"}]
    found = compared(a, b)

    def ids(size=100, page=1, **chosen):
        return [row["id"] for row in found.page(page, size, Chosen(**chosen))]

    assert ids(what="changed") == ["a0", "a1", "a2", "a3", "a4"]
    assert [ids(2, page, what="changed") for page in (1, 2, 3, 4)] == [["a0", "a1"], ["a2", "a3"], ["a4"], []]
    assert (ids(assignee="Beto"), ids(assignee="")) == (["a0", "b1"], ["Ñu"])
    assert (ids(text="nu"), ids(text="A4", what="added"), ids(kind="segmentador")) == (["Ñu"], [], [])
    sizes = [found.size_of(one) for one in (Chosen(), Chosen("changed"), Chosen(assignee="Ana"), Chosen(text="b"))]
    assert sizes == [8, 5, 6, 1]
    assert [row.doc for row in found.rows(1, Chosen("removed"), block=1)] == ["Ñu"]


def test_of_what_is_new_or_gone_all_values_are_told_where_they_are_asked_for():
    found = compared([{"_id": 1, "id": "a", "status": "S"}], [{"id": "b", "metadata": {"priority": "alta"}}])
    gone, new = found.page(1, 2, whole=True)
    assert gone["values"] == [{"field": "id", "from": "a", "to": None}, {"field": "status", "from": "S", "to": None}]
    assert {"field": "metadata.priority", "from": None, "to": "alta"} in new["values"]
    assert (gone["fields"], new["fields"], found.page(1, 1)[0]["values"]) == ([], [], [])
