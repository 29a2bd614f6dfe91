"""Commands on one data folder at the same time, as the processes they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resguardo.errors import Locked
from resguardo.files import FolderLock
from resguardo.store import sharing
from resguardo.store.embedded import find_running
from resguardo.store.sharing import shared_server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs shared locks")

COMMAND = """\
import sys
from pathlib import Path
from pymongo import MongoClient
from resguardo.store.sharing import shared_server
with shared_server(Path(sys.argv[1])) as uri, MongoClient(uri) as client:
    client.board.things.insert_one({"_id": sys.argv[2]})
    print("working", flush=True)
    sys.stdin.readline()
    names = [row["_id"] for row in client.board.things.find()]
    print(*sorted(names), flush=True)
"""


class Command:
    def __init__(self, data: Path, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(data), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> str:
        out, err = self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0, err
        return out.strip()


def test_commands_started_at_once_share_one_server(tmp_path: Path) -> None:
    commands = [Command(tmp_path / "data", name) for name in "abc"]
    assert [command.line() for command in commands] == ["working"] * 3
    for command in commands:
        command.go_on()  # whichever started the server waits for the others
    assert [command.finish() for command in commands] == ["a b c"] * 3
    assert not (tmp_path / "data" / "server.json").exists()


def test_the_owner_waits_for_those_who_use_its_server(tmp_path: Path) -> None:
    owner = Command(tmp_path, "a")
    assert owner.line() == "working"
    user = Command(tmp_path, "b")
    assert user.line() == "working"
    owner.go_on()
    assert owner.line() == "a b"
    assert find_running(tmp_path) is not None
    assert user.finish() == "a b"
    assert owner.process.wait(20) == 0
    assert find_running(tmp_path) is None


def test_a_user_that_is_killed_is_not_waited_for(tmp_path: Path) -> None:
    owner = Command(tmp_path, "a")
    assert owner.line() == "working"
    user = Command(tmp_path, "b")
    assert user.line() == "working"
    user.process.kill()
    user.process.communicate()
    assert owner.finish() == "a b"


def test_a_folder_that_is_held_without_a_server_is_given_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "OTHERS_START_SECONDS", 0.3)
    (tmp_path / "db").mkdir()
    with FolderLock(tmp_path / "db"), pytest.raises(Locked), shared_server(tmp_path):
        pass
