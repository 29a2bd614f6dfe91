from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from resguardo.errors import Locked
from resguardo.files import FolderLock, is_leftover, make_private_folder, write_atomically, write_bytes


def test_a_written_file_has_its_bytes_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")
    with pytest.raises(ZeroDivisionError), write_atomically(path) as file:  # noqa: PT012
        file.write(b"half")
        assert path.read_bytes() == b"old"
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from resguardo.files import write_atomically\n"
        "with write_atomically(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os._exit(9)\n"
    )
    path = tmp_path / "a"
    write_bytes(path, b"old")
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert path.read_bytes() == b"old"
    (leftover,) = [other for other in tmp_path.iterdir() if other != path]
    assert is_leftover(leftover)
    assert leftover.name.startswith(".a.")
    assert not is_leftover(path)


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ñ" * 127)
    write_bytes(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_private_folder_is_made_with_its_parents_and_closed_if_it_was_open(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_held_folder_is_refused_naming_the_process(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(Locked, match=str(os.getpid())):
        FolderLock(tmp_path).acquire()


def test_a_folder_let_go_can_be_held_again(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path).acquire()
    lock.release()
    lock.release()
    with FolderLock(tmp_path):
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from resguardo.files import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=str(holder.pid)):
            FolderLock(tmp_path).acquire()
        holder.kill()
    with FolderLock(tmp_path):
        pass


def test_bytes_are_durable_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which files the folder shows at each fsync: of the file, then of the folder."""
    seen: list[tuple[bool, list[str]]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        seen.append((is_folder, [path.name for path in tmp_path.iterdir() if not is_leftover(path)]))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_bytes(tmp_path / "a", b"x")
    assert seen == [(False, []), (True, ["a"])]
