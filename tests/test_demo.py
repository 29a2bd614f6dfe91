"""The made-up team is the one that is promised."""

from __future__ import annotations

import io
import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

import pytest

from resguardo import demo
from resguardo.auth import log_in
from waiting import wait_until


def test_the_team_is_whole_and_has_a_history(store, ledger):
    demo.fill(store, ledger, 429)
    ids = {row["id"] for row in store.pages.select(demo_filter())}
    assert (len(ids), sum(name.startswith("batch_T") for name in ids)) == (429, 143)
    assert len(store.pages.people()) == 8
    assert {row.status for row in store.pages.counts()} == {"NS", "In", "S"}
    assert {entry.actor for entry in store.entries.since(ledger.now().replace(year=2000))} == {"ana", "maggie", "rita"}
    assert log_in(store, "maggie", demo.PASSWORD, ledger.now())
    assert len(list(store.masks.names())) == 125


def demo_filter():
    from resguardo.board.filters import Filter

    return Filter()


def test_a_mask_is_a_real_archive(store, ledger):
    demo.fill(store, ledger, 3)
    chunk = store.connection.masks_database["fs.chunks"].find_one({})
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(chunk["data"]))) as tar:
        assert tar.getnames() == ["mask_001.raw"]


@pytest.fixture
def running(tmp_path):
    """`resguardo demo`: its address and its folder, which lies where this test can reach it."""
    own = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "resguardo", "demo", "--port", "0", "--batches", "30"]
    process = subprocess.Popen(command, env=os.environ | own, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    said = [process.stdout.readline() for _ in range(5)]
    yield said[0].removeprefix("Resguardo: ").strip(), Path(said[4].rpartition("--data ")[2].strip())
    process.send_signal(signal.SIGINT)
    process.wait(30)


def status_of(folder):
    command = [sys.executable, "-m", "resguardo", "status", "--json", "--data", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    said = json.loads(done.stdout)
    assert done.returncode == (0 if said["safe"] else 1)
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="moves an open folder")
def test_after_the_demo_has_run_status_says_yes_and_means_it(running):
    address, folder = running
    page = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    login = json.dumps({"name": "ana", "password": demo.PASSWORD}).encode()
    page.open(urllib.request.Request(f"{address}/login", login, {"Content-Type": "application/json"}))

    def shown():
        return json.loads(page.open(f"{address}/api/status").read())

    assert wait_until(lambda: status_of(folder)["safe"], 60)
    vault, away = folder / "vault", folder / "vault.away"
    wait_until(lambda: shown()["safe"], 60)
    vault.rename(away)
    assert status_of(folder)["safe"] is False
    vault.write_bytes(b"")
    said = status_of(folder)
    assert said["safe"] is False
    assert next(row for row in said["lines"] if row["name"] == "Última copia buena")["state"] == "red"
    wait_until(lambda: not shown()["safe"], 60)
    vault.unlink()
    away.rename(vault)
    assert status_of(folder)["safe"] is True
