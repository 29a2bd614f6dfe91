"""The catalogue shows whole archives only, whenever the process that makes one is killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from published import NOW, RAWS, publish
from resguardo.errors import Integrity, NoVault
from resguardo.vault import card
from resguardo.vault.catalogue import DATA, GRACE, MANIFEST, Catalogue
from resguardo.vault.reading import open_source


def killed_after(steps: int, folder: Path, work: Callable[[], None]) -> bool:
    """Do some work in a process that is killed before its next step in this folder. Whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        left = steps

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove", "os.listdir") and str(arguments[0]).startswith(str(folder)):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_between_any_two_steps_it_shows_nothing_half_done(tmp_path):
    ended, step, leftovers = False, 0, 0
    while not ended:
        folder = tmp_path / str(step)
        publish(folder, NOW - timedelta(days=1))
        ended = killed_after(step, folder, lambda folder=folder: publish(folder))

        catalogue = Catalogue(folder)
        shown = catalogue.list()
        assert len(shown) in ((2,) if ended else (1, 2))
        for manifest in shown:
            assert manifest["state"] == "verified"
            with open_source(catalogue.path(manifest["id"])) as source:
                assert list(source.batches()) == RAWS
        names = {manifest["id"] + end for manifest in shown for end in (DATA, MANIFEST, card.SUFFIX)}
        leftovers += {path.name for path in folder.iterdir()} - names - {".lock"} != set()
        catalogue.sweep()
        assert {path.name for path in folder.iterdir()} - {".lock"} == names
        assert len(Catalogue(folder).list()) == len(shown)
        assert publish(folder) > shown[0]["id"]  # the dead process holds no lock
        step += 1
    assert step > 5
    assert leftovers > 1  # it was killed where that matters


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_while_it_verifies_and_removes_it_shows_nothing_that_does_not_restore(tmp_path):
    """One archive is verified, one found damaged, one marked as removed, and the data of one go: at every step."""
    before = tmp_path / "before"
    verified, damaged, removed, old = (publish(before) for _ in range(4))
    content = bytearray((before / f"{damaged}{DATA}").read_bytes())
    content[len(content) // 2] ^= 1
    (before / f"{damaged}{DATA}").write_bytes(content)
    card.write(before, old, "remove", datetime.now(UTC) - GRACE - timedelta(days=1), reason="ninguna regla")
    steps, found = 0, set()
    while True:
        folder = tmp_path / str(steps)
        shutil.copytree(before, folder)
        catalogue = Catalogue(folder)

        def work(catalogue=catalogue):
            catalogue.verify(verified)
            with suppress(Integrity):
                catalogue.verify(damaged)
            catalogue.remove(removed, "ninguna regla")
            catalogue.tidy()

        ended = killed_after(steps, folder, work)
        states = {row["id"]: row["state"] for row in catalogue.list()}
        assert set(states) == {verified, damaged, removed, old}
        assert states[verified] == "verified"
        assert states[damaged] in ("verified", "damaged")
        assert states[removed] in ("verified", "removed")
        assert states[old] == "removed"
        found.add((states[damaged], states[removed], bool(catalogue.get(old)["swept"])))
        for own in (verified, removed):  # a removal can be taken back
            with open_source(catalogue.path(own)) as source:
                assert list(source.batches()) == RAWS

        Catalogue(folder).tidy()
        names = {own + end for own in states for end in (DATA, MANIFEST, card.SUFFIX)} - {old + DATA}
        assert {path.name for path in folder.iterdir()} - {".lock"} == names
        assert card.last(card.read(folder, old), "sweep")
        if ended:
            break
        steps += 1
    assert steps > 10
    assert len(found) == 4  # it was killed before, between and after all three


def test_labels_grow_when_the_clock_steps_back(tmp_path):
    labels = [publish(tmp_path, NOW - timedelta(hours=hours)) for hours in (0, 0, 5, -1, 30)]
    assert labels == sorted(set(labels))
    assert [manifest["id"] for manifest in Catalogue(tmp_path).list()] == labels[::-1]


def test_a_damaged_manifest_hides_no_other_and_stops_no_backup(tmp_path):
    first, second = publish(tmp_path), publish(tmp_path)
    (tmp_path / f"{first}{MANIFEST}").write_bytes(b"{")
    assert [row["state"] for row in Catalogue(tmp_path).list()] == ["verified", "damaged"]
    with pytest.raises(Integrity):
        Catalogue(tmp_path).path(first)
    assert publish(tmp_path) > second
    assert (tmp_path / f"{first}{DATA}").exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_an_archive_without_its_bytes_is_not_called_verified(tmp_path, damage):
    own = publish(tmp_path)
    damage(tmp_path / f"{own}{DATA}")
    assert Catalogue(tmp_path).get(own)["state"] == "damaged"
    with pytest.raises(Integrity):
        Catalogue(tmp_path).path(own)


def test_sweeping_leaves_other_peoples_files(tmp_path):
    publish(tmp_path)
    (tmp_path / f"copia-de-ana{DATA}").write_bytes(b"x")
    publish(tmp_path)
    assert (tmp_path / f"copia-de-ana{DATA}").exists()


def test_an_archive_that_lost_its_manifest_is_never_swept(tmp_path):
    own = publish(tmp_path)
    (tmp_path / f"{own}{MANIFEST}").unlink()
    newer = publish(tmp_path)
    assert [(row["id"], row["state"]) for row in Catalogue(tmp_path).list()] == [(newer, "verified"), (own, "damaged")]
    with open_source(tmp_path / f"{own}{DATA}") as source:
        assert list(source.batches()) == RAWS


def test_nothing_there(tmp_path):
    assert Catalogue(tmp_path / "none").list() == []
    with pytest.raises(NoVault):
        Catalogue(tmp_path / "none").get("x")
