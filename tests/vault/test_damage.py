"""Whatever is changed in the vault is found, and the archive that it is part of is named."""

from __future__ import annotations

import json
import random

import pytest

from published import publish
from resguardo.board.change import Create
from resguardo.errors import Integrity
from resguardo.vault import card
from resguardo.vault.catalogue import DATA, MANIFEST, Catalogue, back_up


def flipped(path, at):
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << random.Random(at).randrange(8)
    path.write_bytes(content)


def test_no_flipped_bit_of_an_archive_goes_unnoticed(tmp_path):
    own = publish(tmp_path)
    path = tmp_path / f"{own}{DATA}"
    whole = path.read_bytes()
    for at in [*random.Random(3).sample(range(len(whole)), 100), 0, -1]:
        flipped(path, at)
        with pytest.raises(Integrity, match=own):
            Catalogue(tmp_path).verify(own)
        path.write_bytes(whole)


def test_no_flipped_bit_of_a_manifest_goes_unnoticed(tmp_path):
    own = publish(tmp_path)
    path = tmp_path / f"{own}{MANIFEST}"
    whole, shown = path.read_bytes(), Catalogue(tmp_path).get(own)
    for at in range(len(whole)):
        flipped(path, at)
        found = Catalogue(tmp_path).get(own)
        assert found["state"] == "damaged" or found == shown, at
        path.write_bytes(whole)


def test_a_card_that_says_nothing_known_is_told_from_one_that_was_torn(tmp_path):
    own = publish(tmp_path)
    path = tmp_path / f"{own}{card.SUFFIX}"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"what": "drill", "ok": fal')
    Catalogue(tmp_path).verify(own)
    for damage in (whole.replace(b"verify", b"verifx"), whole.replace(b'"ok"', b'"ok'), None):
        path.unlink() if damage is None else path.write_bytes(damage)
        with pytest.raises(Integrity, match=f"{own}{card.SUFFIX}"):
            Catalogue(tmp_path).verify(own)


@pytest.fixture
def vault(settings, ledger):
    ledger.record([Create("batch", f"b{n}", {"comments": f"año {n}"}) for n in range(5)], actor="ana", via="api")
    made = iter(back_up(Catalogue(settings.data / "vault"), ledger, str(n))["id"] for n in range(9))
    return settings.data / "vault", made


def test_verify_finds_every_kind_of_damage_names_it_and_leaves_with_13(vault, run):
    folder, made = vault
    fine = next(made)
    broken = {}

    def part(what, ending):
        broken[what] = next(made)
        return folder / f"{broken[what]}{ending}"

    flipped(part("flipped bit", DATA), 500)
    path = part("cut", DATA)
    path.write_bytes(path.read_bytes()[:-20])
    part("no data", DATA).unlink()
    flipped(part("flipped bit of the manifest", MANIFEST), 200)
    path = part("cut manifest", MANIFEST)
    path.write_bytes(path.read_bytes()[:-20])
    part("no manifest", MANIFEST).unlink()
    part("manifest of another", MANIFEST).write_bytes((folder / f"{fine}{MANIFEST}").read_bytes())
    part("no card", card.SUFFIX).unlink()
    done = run("backup", "verify", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, set(said["damaged"])) == (13, set(broken.values()))
    assert all(own in said["damaged"][own] for own in broken.values()), said["damaged"]
    for own in (broken["flipped bit"], broken["manifest of another"]):
        one = run("backup", "verify", own)
        assert one.returncode == 13
        assert own in one.stdout
        assert run("backup", "drill", own).returncode == 13
    assert run("backup", "verify", fine).returncode == 0
    states = {row["id"]: row["state"] for row in Catalogue(folder).list()}
    assert {own for own, state in states.items() if state != "damaged"} == {fine, broken["no card"]}
