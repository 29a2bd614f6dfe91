from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from resguardo.errors import Locked, Unavailable, Usage
from resguardo.store import embedded, server_process
from resguardo.store.embedded import EmbeddedServer, find_running
from waiting import wait_until

OWNER = """\
import sys, time
from pathlib import Path
from resguardo.store.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1]))
print(server.pid, flush=True)
time.sleep(60)
"""


def insert(uri: str, name: str) -> None:
    with MongoClient(uri) as client:
        client.board.things.insert_one({"_id": name})


def names(uri: str) -> list[Any]:
    with MongoClient(uri, serverSelectionTimeoutMS=2000) as client:
        return [row["_id"] for row in client.board.things.find()]


def runs(pid: int | None) -> bool:
    """Whether a process runs; one that ended but was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_serves_who_has_the_password_and_nobody_else(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path) as server:
        assert server.alive()
        insert(server.uri, "a")
        assert names(server.uri) == ["a"]
        record = json.loads((tmp_path / "server.json").read_bytes())
        assert record["uri"] == server.uri
        assert record["pid"] == server.pid
        assert record["owner"] == os.getpid()
        with pytest.raises(OperationFailure):
            names(f"mongodb://127.0.0.1:{record['port']}/?directConnection=true")
        with pytest.raises(OperationFailure):
            names(f"mongodb://resguardo:guess@127.0.0.1:{record['port']}/?directConnection=true")


def test_everything_it_keeps_is_private(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path):
        assert mode(tmp_path / "db") == 0o700
        assert mode(tmp_path / "log") == 0o700
        assert mode(tmp_path / "db.password") == 0o600
        assert mode(tmp_path / "server.json") == 0o600


def test_stopping_leaves_the_data_but_no_process_and_no_record(tmp_path: Path) -> None:
    server = EmbeddedServer.start(tmp_path)
    insert(server.uri, "a")
    pid = server.pid
    server.stop()
    server.stop()
    assert not server.alive()
    assert not runs(pid)
    assert not (tmp_path / "server.json").exists()
    assert find_running(tmp_path) is None
    with EmbeddedServer.start(tmp_path) as server:
        assert names(server.uri) == ["a"]


def test_a_killed_server_comes_back_at_the_same_address_with_the_data(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path) as server:
        uri, pid = server.uri, server.pid
        assert pid is not None
        insert(uri, "a")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.pid != pid and find_running(tmp_path))
        assert server.uri == uri
        assert names(uri) == ["a"]


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_whose_folder_was_removed_is_not_started_again(tmp_path: Path) -> None:
    others = set(threading.enumerate())
    with EmbeddedServer.start(tmp_path / "data") as server:
        (watching,) = (one for one in threading.enumerate() if one not in others and one.name == "embedded-server")
        pid = server.pid
        assert pid is not None
        shutil.rmtree(tmp_path / "data")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not watching.is_alive())
        assert not server.alive()
    assert not (tmp_path / "data").exists()


def test_a_second_one_on_the_folder_is_refused(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path) as server:
        with pytest.raises(Locked, match=str(os.getpid())):
            EmbeddedServer.start(tmp_path)
        assert server.alive()
        assert find_running(tmp_path) == server.uri


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_dies_with_its_owner_and_the_next_start_works(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        uri = find_running(tmp_path)
        assert uri is not None
        insert(uri, "a")
        owner.kill()
    wait_until(lambda: not runs(pid))
    assert find_running(tmp_path) is None
    with EmbeddedServer.start(tmp_path) as server:
        assert names(server.uri) == ["a"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_an_orphan_that_stays_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "STOP_SECONDS", 0.4)
    (tmp_path / "db").mkdir()
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    command = [sys.executable, "-c", deaf, "--storage-path", str(tmp_path / "db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        write_record(tmp_path, orphan.pid)
        server_process.end_orphan(server_process.ServerFiles(tmp_path), lambda uri: False)
        assert orphan.wait(5) == -signal.SIGKILL
    assert not (tmp_path / "server.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_stranger_with_an_orphans_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        write_record(tmp_path, stranger.pid)
        server_process.end_orphan(server_process.ServerFiles(tmp_path), lambda uri: True)
        assert stranger.poll() is None
        stranger.kill()


def write_record(data: Path, pid: int) -> None:
    record = server_process.Record("mongodb://127.0.0.1:1/", 1, pid, 1, 0.0, ready=True)
    (data / "server.json").write_text(json.dumps(vars(record)))


def test_a_start_cut_off_before_the_user_was_made_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(embedded, "_set_password", cut_off)
        with pytest.raises(KeyboardInterrupt):
            EmbeddedServer.start(tmp_path)
    assert (tmp_path / "db.password").exists()
    with EmbeddedServer.start(tmp_path) as server:
        insert(server.uri, "a")


def test_a_lost_password_is_replaced(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path) as server:
        insert(server.uri, "a")
        old = server.uri.partition("@")[0]
    (tmp_path / "db.password").unlink()
    with EmbeddedServer.start(tmp_path) as server:
        assert names(server.uri) == ["a"]
        with pytest.raises(PyMongoError):
            names(f"{old}@{server.uri.partition('@')[2]}")


def test_a_server_that_dies_at_once_is_explained_by_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "secantusd-py"
    program.write_text("#!/bin/sh\necho el disco se quemó >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(server_process, "find_program", lambda: str(program))
    with pytest.raises(Unavailable, match="el disco se quemó"):
        EmbeddedServer.start(tmp_path / "data")
    assert not (tmp_path / "data" / "server.json").exists()


def test_without_the_program_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_process, "PROGRAM", "no-such-program")
    with pytest.raises(Usage, match="RESGUARDO_MONGODB_URI"):
        EmbeddedServer.start(tmp_path)
    assert list(tmp_path.iterdir()) == []
