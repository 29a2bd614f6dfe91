"""The real program: granian, its worker, and the embedded server, in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from hanging import stop
from waiting import wait_until

PROGRAM = "from resguardo.config import load; from resguardo.web.serve import serve; serve(load())"
PASSWORD = "correcto caballo"


class Served:
    def __init__(self, data: Path, **more: str) -> None:
        own = {"RESGUARDO_DATA": str(data), "RESGUARDO_PORT": "0", **more}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=(data.parent / "stderr").open("w"),
            text=True,
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        self.address = self.said.removeprefix("Resguardo: ").strip()

    def next_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def workers(self) -> list[int]:
        """Its children that run Python's spawned main; the others are the embedded server and a tracker."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        children = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
        return [pid for pid in children if b"--multiprocessing-fork" in _command_of(pid)]

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path, RESGUARDO_ADMIN_PASSWORD=PASSWORD)
    yield running
    running.process.kill()
    running.process.wait()


def test_it_answers_and_stops_cleanly_with_a_page_open(served: Served, tmp_path: Path) -> None:
    assert served.status("/readyz") == 200
    assert served.status("/api/batches") == 401
    given = orjson.dumps({"name": "admin", "password": PASSWORD})
    request = urllib.request.Request(
        served.address + "/login", given, {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    )
    with urllib.request.urlopen(request) as answer:
        cookie = answer.headers["Set-Cookie"].split(";")[0]
    stream = urllib.request.urlopen(
        urllib.request.Request(served.address + "/api/events", headers={"Cookie": cookie}), timeout=10
    )
    assert stream.readline() == b"retry: 2000\n"
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(15) == 0
    stream.close()
    assert not (tmp_path / "server.json").exists()
    assert served.status("/healthz") == 0


def test_killed_it_leaves_nobody_behind_and_starts_again(served: Served, tmp_path: Path) -> None:
    served.process.kill()
    wait_until(lambda: served.status("/healthz") == 0, 20)
    again = Served(tmp_path)
    try:
        assert again.status("/readyz") == 200
    finally:
        again.process.terminate()
        assert again.process.wait(15) == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
def test_a_worker_that_is_killed_is_followed_by_another_and_said(served: Served, tmp_path: Path) -> None:
    def said() -> str:
        return (tmp_path.parent / "stderr").read_text()

    (first,) = served.workers()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: "otro tomó su lugar" in said(), 30)
    wait_until(lambda: served.status("/readyz") == 200, 30)
    (second,) = served.workers()
    assert second != first

    def ended() -> bool:
        for pid in served.workers() if served.process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        return served.process.poll() is not None

    wait_until(ended, 30)
    assert served.process.returncode != 0
    assert "terminó de golpe dos veces seguidas" in said()
    assert not (tmp_path / "server.json").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
def test_a_worker_ends_with_its_parent_though_the_database_hangs(served: Served, tmp_path: Path) -> None:
    database = orjson.loads((tmp_path / "server.json").read_bytes())["pid"]
    (worker,) = served.workers()
    stop(database)
    try:
        assert served.status("/readyz") == 503
        served.process.kill()
        served.process.wait(10)
        wait_until(lambda: _command_of(worker) == b"", 20)
        wait_until(lambda: _command_of(database) == b"", 20)
    finally:
        with suppress(ProcessLookupError):
            os.kill(database, signal.SIGKILL)


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def test_without_a_password_it_prints_a_link_that_logs_in(tmp_path: Path) -> None:
    running = Served(tmp_path)
    try:
        link = running.next_line().rpartition(" ")[2]
        assert link.startswith(running.address + "/login?once=")
        assert running.status(link.removeprefix(running.address)) == 200
    finally:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(15) == 0


def test_a_port_that_is_taken_is_said(served: Served, tmp_path: Path) -> None:
    port = served.address.rpartition(":")[2]
    own = {"RESGUARDO_DATA": str(tmp_path / "other"), "RESGUARDO_PORT": port}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **own}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode != 0
    assert f"No se puede escuchar en 127.0.0.1:{port}" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process with SIGSTOP")
def test_a_database_that_hangs_is_said_and_waited_for(served: Served, tmp_path: Path) -> None:
    pid = orjson.loads((tmp_path / "server.json").read_bytes())["pid"]
    stop(pid)
    try:
        assert served.status("/readyz") == 503
        assert served.status("/healthz") == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: served.status("/readyz") == 200)
