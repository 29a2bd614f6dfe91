"""A real `resguardo serve` that can be killed piece by piece, and writers that keep what they were told."""

from __future__ import annotations

import http.client
import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proof import Acknowledged

from resguardo import auth
from resguardo.board.change import Create
from resguardo.config import Settings
from resguardo.ledger.record import Ledger
from resguardo.store import Store, open_store
from waiting import wait_until

LEAD = "Alice"
PEOPLE = ("Ana", "Beto", "Caro")
SITE = "import sys; sys.path.append({folder!r}); import failpoints; failpoints.from_environment()"
LATE = 60


def environment_of(settings: Settings) -> dict[str, str]:
    given = {"RESGUARDO_DATA": str(settings.data), "RESGUARDO_DATABASE": settings.database, "RESGUARDO_PORT": "0"}
    if settings.mongodb_uri is not None:
        given["RESGUARDO_MONGODB_URI"] = settings.mongodb_uri.get_secret_value()
    return {**os.environ, **given, "RESGUARDO_ADMIN_PASSWORD": "correcto caballo"}


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`resguardo ...` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "resguardo", *arguments],
        env=environment_of(settings),
        capture_output=True,
        text=True,
        timeout=LATE,
        check=False,
    )


def assert_journal_checks(settings: Settings) -> dict[str, Any]:
    done = command(settings, "journal", "check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["ok"] is True
    return report


class Served:
    """The processes of one board: the one that was started, its worker, and its embedded server, if it has one."""

    def __init__(self, settings: Settings, failpoint: str = "", segment_bytes: int = 0) -> None:
        settings.data.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self._armed = settings.data / "armed"
        self._armed.unlink(missing_ok=True)
        self._log = settings.data / "serve.log"
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "resguardo", "serve"],
                env=environment_of(settings) | self._failpoint(failpoint, segment_bytes),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            self.port = int(self._first_line().rpartition(":")[2])
            self.worker = self._worker()
        except BaseException:
            self.kill_all()
            raise

    def _failpoint(self, name: str, segment_bytes: int) -> dict[str, str]:
        if not name:
            return {}
        site = self.settings.data / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(SITE.format(folder=str(Path(__file__).parent)))
        path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
        given = {"PYTHONPATH": path, "RESGUARDO_FAILPOINT": name, "RESGUARDO_ARMED": str(self._armed)}
        return given | ({"RESGUARDO_SEGMENT_BYTES": str(segment_bytes)} if segment_bytes else {})

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LATE)
        line = self.process.stdout.readline().strip() if ready else ""
        assert line.startswith("Resguardo: "), self._log.read_text()
        return line

    def _worker(self) -> int:
        (worker,) = self._workers()
        return worker

    def _workers(self) -> Iterator[int]:
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1] if folder.name.isdigit() else ""
                if parent == str(self.process.pid) and b"--multiprocessing-fork" in (folder / "cmdline").read_bytes():
                    yield int(folder.name)

    @property
    def database_pid(self) -> int:
        """Of the embedded server; 0 while there is none."""
        try:
            return int(json.loads((self.settings.data / "server.json").read_bytes())["pid"])
        except (OSError, ValueError):
            return 0

    def arm(self) -> None:
        """From now on the worker dies at its failpoint."""
        self._armed.touch()

    def kill_worker(self) -> None:
        os.kill(self.worker, signal.SIGKILL)

    def kill_database(self) -> None:
        os.kill(self.database_pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """At one moment, as a power cut would; the disk keeps what the kernel has."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # from now on no other worker begins
        pids = [self.process.pid, getattr(self, "worker", 0), self.database_pid, *self._workers()]
        for pid in filter(None, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._collect()
        wait_until(lambda: not any(map(runs, pids)), 20)

    def wait_for_its_end(self) -> None:
        """The worker died; the rest is killed, too, whether or not another worker has taken its place by then."""
        wait_until(lambda: not runs(self.worker), 20)
        self.kill_all()

    def stop(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self._collect()

    def _collect(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def said(self) -> str:
        return self._log.read_text()

    def status(self, path: str = "/readyz") -> int:
        return Client(self.port, "").ask("GET", path)[0]


def runs(pid: int) -> bool:
    """One that ended and was not yet waited for does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def serving(settings: Settings, failpoint: str = "", segment_bytes: int = 0) -> Iterator[Served]:
    served = Served(settings, failpoint, segment_bytes)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.kill_all()


def make_board(settings: Settings, batches: int = 20) -> str:
    """People, batches and a lead. Returns the lead's token."""
    with open_store(settings) as store:
        store.ensure_indexes()
        ledger = Ledger(store, settings.zone)
        people = [Create("segmentador", name, {}) for name in PEOPLE]
        ledger.record([*people, *(Create("batch", f"b{n}", {}) for n in range(batches))], actor="test", via="cli")
        token = make_token(store, ledger)
        ledger.journal.close()
        return token


def make_token(store: Store, ledger: Ledger) -> str:
    if store.accounts.get(LEAD) is None:
        auth.add_account(store, LEAD, "lead", None, ledger.now())
    return auth.make_token(store, LEAD, ledger.now())


class Client:
    """One connection, made anew when it breaks."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of an answer; 0 where there was none."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {**self._headers, "Content-Type": "application/json", "Accept": "application/json", **headers}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), given)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return 0, {}

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Told:
    """What all writers were told, together."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    refusals: set[str] = field(default_factory=set)
    """The sentences of the 503s."""
    odd: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """Changes batches that all share, and makes and deletes some of its own, until it is stopped."""

    def __init__(self, number: int, seed: str, told: Told, stop: threading.Event, client: Client, shared: int) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self._mark = f"{number}-{seed}"
        self._random = random.Random(f"{number}-{seed}")
        self._told = told
        self._ended = stop
        self._client = client
        self._shared = [f"b{n}" for n in range(shared)]
        self._own: list[str] = []
        self._step = 0

    def run(self) -> None:
        kinds = [self._edit, self._assign, self._create, self._delete, self._rename, self._delete_many]
        while not self._ended.is_set():
            self._step += 1
            (step,) = self._random.choices(kinds, [50, 15, 15, 6, 8, 6])
            step()
        self._client.close()

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        """The answer if the change was acknowledged."""
        status, answer = self._client.ask(method, path, body)
        self._told.statuses[status] += 1
        if status in (200, 201):
            return answer
        if status == 503:
            self._told.refusals.add(answer.get("error", ""))
        elif status not in (0, 404):  # another writer may have been faster
            self._told.odd.append(f"{method} {path}: {status} {answer}")
        if status in (0, 503):
            self._ended.wait(0.02)
        return None

    def _keep(self, answer: dict[str, Any], kind: str, doc: str, fields: dict[str, Any] | None) -> None:
        if doc not in answer["unchanged"]:
            rev = answer["revs"][doc]
            self._told.acknowledged.append(Acknowledged(answer["operation"], kind, doc, rev, fields))

    def _edit(self) -> None:
        doc = self._random.choice(self._shared + self._own)
        fields = {"comments": f"{self._mark}-{self._step}"}
        if answer := self._ask("PATCH", f"/api/batches/{doc}", fields):
            self._keep(answer, "batch", doc, fields)

    def _assign(self) -> None:
        docs = self._random.sample(self._shared, min(4, len(self._shared)))
        person = self._random.choice([*PEOPLE, None])
        if answer := self._ask("POST", "/api/batches/assign", {"ids": docs, "assignee": person}):
            for doc in docs:
                self._keep(answer, "batch", doc, {"assignee": person})

    def _create(self) -> None:
        doc = f"w{self._mark}-{self._step}"
        fields = {"comments": f"nuevo {self._step}"}
        self._own.append(doc)  # whether or not we hear that it is there
        if answer := self._ask("POST", "/api/batches", {"id": doc, **fields}):
            self._keep(answer, "batch", doc, fields)

    def _delete(self) -> None:
        if self._own:
            doc = self._own.pop(self._random.randrange(len(self._own)))
            if answer := self._ask("DELETE", f"/api/batches/{doc}"):
                self._keep(answer, "batch", doc, None)

    def _delete_many(self) -> None:
        docs, self._own = self._own[-3:], self._own[:-3]
        if docs and (answer := self._ask("POST", "/api/batches/delete", {"ids": docs})):
            for doc in docs:
                self._keep(answer, "batch", doc, None)

    def _rename(self) -> None:
        if self._own:
            old, new = self._own.pop(), f"r{self._mark}-{self._step}"
            if answer := self._ask("PATCH", f"/api/batches/{old}", {"id": new}):
                self._keep(answer, "batch", new, {"id": new})
                self._keep(answer, "batch", old, None)
                self._own.append(new)


class Writers:
    """Several at once, on the boards that listen on these ports."""

    def __init__(self, ports: int | list[int], token: str, told: Told, *, count: int = 8, shared: int = 20) -> None:
        self.told = told
        self._stop = threading.Event()
        seed = os.urandom(3).hex()  # shown by the ids that it makes
        given = [ports] if isinstance(ports, int) else ports
        self._threads = [
            Writer(n, seed, told, self._stop, Client(given[n % len(given)], token), shared) for n in range(count)
        ]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)
        assert not self.told.odd, self.told.odd[:5]

    def wait_for(self, more: int, timeout: float = 30) -> None:
        """Until so many more changes are acknowledged."""
        wanted = len(self.told.acknowledged) + more
        wait_until(lambda: len(self.told.acknowledged) >= wanted, timeout)

    def wait_for_refusal(self, condition: Callable[[], bool] | None = None) -> None:
        before = self.told.statuses[503]
        wait_until(condition or (lambda: self.told.statuses[503] > before), 30)
