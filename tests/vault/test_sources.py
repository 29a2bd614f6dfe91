"""Files of every version come back as they were; bad ones are refused whole; the old document's three ways work."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import bson
import pytest

from bad_files import BAD
from resguardo.board.change import Create
from resguardo.board.filters import Filter
from resguardo.errors import Integrity, Invalid, NotFound, TooLarge
from resguardo.ledger.adopt import adopt
from resguardo.vault import mongodump, reading
from resguardo.vault.fill import Loaded, load_into
from resguardo.vault.reading import zstd
from resguardo.vault.restore import apply
from resguardo.vault.restore_plan import Wanted, plan
from resguardo.vault.sources import open_before, open_file
from waiting import wait_until

FIXTURES = Path(__file__).parents[1] / "fixtures"
ARCHIVES = FIXTURES / "archives"
SAMPLE = FIXTURES / "backup_segmentacion_db_20251015_143052.json"


def stored(store):
    return sorted([*store.batches.scan(), *store.segmentadores.scan()])


@pytest.mark.parametrize("name", ["2.0-first.json.zst", "2.0.json.zst", "dump"])
def test_an_exact_archive_of_any_version_fills_a_database_to_the_byte(store, ledger, name):
    with open_file(ARCHIVES / name) as source:
        assert load_into(store, ledger, source, actor="a") == Loaded(10, 2, [])
    exact = sorted(
        raw
        for name in ("batches", "segmentadores")
        for raw in _split((ARCHIVES / "dump/segmentacion_db" / f"{name}.bson").read_bytes())
    )
    assert stored(store) == exact


def _split(content):
    while content:
        length = int.from_bytes(content[:4], "little")
        yield content[:length]
        content = content[length:]


@pytest.mark.parametrize("name", ["1.0.json", "2.0-first.json.zst", "2.0.json.zst", "dump"])
def test_an_archive_of_any_version_comes_back_to_a_board(store, ledger, name):
    with open_file(ARCHIVES / name) as source:
        made = plan(ledger, source)
        apply(ledger, made, actor="a", via="restore")
        assert plan(ledger, source).size == 0
    assert (made.counts["created"], made.counts["skipped"]) == ((10, 0) if name == "1.0.json" else (11, 1))
    row = store.pages.one("batch_000005F")
    assert (row["status"], row["metadata"]["completed_masks"]) == ("In", 5)


def test_a_newer_file_says_what_reads_it(tmp_path):
    path = tmp_path / "nuevo.json"
    content = {"backup_info": {"version": "3.0", "resguardo": "9.1"}, "batches": []}
    path.write_text(json.dumps(content))
    with pytest.raises(Invalid, match=r"Lo escribió Resguardo 9\.1"), open_file(path):
        pass
    del content["backup_info"]["resguardo"]
    path.write_text(json.dumps(content))
    with pytest.raises(Invalid, match="más nuevo"), open_file(path):
        pass


@pytest.mark.parametrize("what", BAD)
def test_a_bad_source_is_refused_whole_and_nothing_changes(store, ledger, tmp_path, monkeypatch, what):
    for module in (reading, mongodump):
        monkeypatch.setattr(module, "LARGEST", 1_000_000)
    path = tmp_path / "archivo"
    path.write_bytes(BAD[what].content)
    with pytest.raises((Invalid, Integrity, TooLarge), match=BAD[what].said), open_file(path, BAD[what].name):
        pass
    assert (stored(store), store.entries.is_empty()) == ([], True)


class Nested(io.RawIOBase):
    """A file of 2 GB that is all opening brackets behind its beginning, made as it is read."""

    SIZE = 2 * 1024**3

    def __init__(self, beginning):
        super().__init__()
        self._beginning = beginning
        self._at = 0
        self.taken = 0

    def seek(self, offset, whence=0):
        self._at = offset + (0, self._at, self.SIZE)[whence]
        return self._at

    def tell(self):
        return self._at

    def read(self, size=-1):
        size = max(min(self.SIZE - self._at, size if size >= 0 else self.SIZE), 0)
        head = self._beginning[self._at : self._at + size]
        self._at += size
        self.taken += size
        assert self.taken < 20 * 1024**2, "far too much was read"
        return head + b"[" * (size - len(head))


@pytest.mark.parametrize(
    "beginning",
    [
        *(b"", b"{", b'{"batches": ', b'{"batches": [{"id": "a", "x": ', b'{"otra": ', b'{"backup_info": {"a": '),
        b'{"backup_info": {"version": "2.0"}, "statistics": {}, "segmentadores": ',
        b'{\n  "backup_info": {\n    "version": "2.0"\n  },\n  "batches": [\n    ',
    ],
)
def test_two_gigabytes_of_nested_arrays_are_refused_before_they_are_read(tmp_path, monkeypatch, beginning):
    path, content = tmp_path / "archivo", Nested(beginning)
    path.write_bytes(b"{")
    monkeypatch.setattr(Path, "open", lambda self, mode: content)
    with pytest.raises((Invalid, Integrity)), reading.open_source(path):
        pass
    assert content.taken < 20 * 1024**2


def counting(monkeypatch):
    """The sizes that temporary files had."""
    sizes, real = [], tempfile.TemporaryFile

    @contextmanager
    def counted(*arguments, **more):
        with real(*arguments, **more) as file:
            try:
                yield file
            finally:
                sizes.append(file.seek(0, io.SEEK_END))

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    return sizes


def test_a_bomb_is_refused_before_it_is_unpacked_to_its_end(tmp_path, monkeypatch):
    path = tmp_path / "archivo"
    packer = zstd.ZstdCompressor(level=3)
    spaces = b" " * 1024**2
    parts = [packer.compress(b'{"batches": ['), *(packer.compress(spaces) for _ in range(300)), packer.flush()]
    path.write_bytes(b"".join(parts))
    assert path.stat().st_size < 40_000
    unpacked = counting(monkeypatch)
    with pytest.raises(TooLarge, match="pasa de 64 MB"), open_file(path):
        pass
    assert max(unpacked) <= reading.SMALL + 1024**2


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"nada\.json"), open_file(tmp_path / "nada.json"):
        pass


def test_the_old_script_that_deletes_and_inserts_loses_nothing(store, ledger):
    """`json.load(f)["batches"]`, `delete_many`, `insert_many`: what it threw away can be brought back."""
    with open_file(SAMPLE) as source:
        apply(ledger, plan(ledger, source, Wanted(Filter(assignee=("Ceci",)))), actor="a", via="restore")
    before = stored(store)
    receipt_at = ledger.now()
    wait_until(lambda: ledger.now() > receipt_at)
    batches = json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"]
    collection = store.connection.database["batches"]
    collection.delete_many({})
    collection.insert_many(row for row in batches if row["assignee"] != "Ceci")
    adopt(store, ledger)
    with open_file(SAMPLE) as source:
        assert plan(ledger, source).counts["kept"] == 0
    with open_before(ledger, _op_of_the_script(store)) as source:
        made = plan(ledger, source, Wanted(equal=True))
    apply(ledger, made, actor="a", via="restore")
    assert stored(store) == before


def _op_of_the_script(store):
    external = [entry for entry in store.entries.everything() if entry.via == "external"]
    return min(external, key=lambda entry: entry.at).op


def test_one_persons_batches_of_an_old_file_come_back_alone(store, ledger):
    rows = json.loads(SAMPLE.read_text(encoding="utf-8"))["batches"]
    hers = {row["id"] for row in rows if row["assignee"] == "Ceci"}
    with open_file(SAMPLE) as source:
        made = plan(ledger, source, Wanted(Filter(assignee=("Ceci",))))
        apply(ledger, made, actor="a", via="restore")
    assert {row["id"] for row in store.pages.select(Filter())} == hers
    assert store.segmentadores.count() == 0


def team(ledger):
    batches = [Create("batch", f"b{n}", {}) for n in (1, 2)]
    ledger.record([Create("segmentador", "Ana", {}), *batches], actor="a", via="api")


@pytest.mark.parametrize(
    ("people", "deleted"),
    [({}, ["b2"]), ({"segmentadores": []}, ["Ana", "b2"])],
    ids=["no list of people", "an empty list of people"],
)
def test_equal_to_a_file_leaves_alone_what_it_has_no_list_of(store, ledger, tmp_path, people, deleted):
    team(ledger)
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**people, "batches": [{"id": "b1"}]}))
    with open_file(path) as source, closing(plan(ledger, source, Wanted(equal=True))) as made:
        assert (made.counts["deleted"], made.counts["kept"]) == (len(deleted), 2 - len(deleted))
        apply(ledger, made, actor="a", via="restore")
    assert [row["name"] for row in store.pages.people()] == [name for name in ("Ana",) if name not in deleted]
    assert {row["id"] for row in store.pages.select(Filter())} == {"b1"}


def test_equal_to_a_dump_without_people_leaves_them(store, ledger, tmp_path):
    team(ledger)
    path = tmp_path / "segmentacion_db"
    path.mkdir()
    (path / "batches.bson").write_bytes(bson.encode({"id": "b1"}))
    with open_file(path) as source, closing(plan(ledger, source, Wanted(equal=True))) as made:
        apply(ledger, made, actor="a", via="restore")
    assert [row["name"] for row in store.pages.people()] == ["Ana"]
    assert {row["id"] for row in store.pages.select(Filter())} == {"b1"}
