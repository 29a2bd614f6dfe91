"""A real MongoDB for the tests: the embedded server, one for each worker, or RESGUARDO_TEST_MONGODB_URI."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as hypothesis_settings

sys.path.insert(0, str(Path(__file__).parent))  # for `from waiting import wait_until`

if TYPE_CHECKING:
    from resguardo.config import Settings
    from resguardo.ledger.record import Ledger
    from resguardo.store import Store

IN_CI = bool(os.environ.get("CI"))

hypothesis_settings.register_profile("resguardo", deadline=None, max_examples=50, derandomize=IN_CI)
hypothesis_settings.load_profile("resguardo")

TEST_URI = os.environ.get("RESGUARDO_TEST_MONGODB_URI")
for _name in [name for name in os.environ if name.startswith(("RESGUARDO_", "MONGO_"))]:
    # The developer's own board must never be reached by a test, nor by a program that a test starts.
    # What is meant for the tests stays: xdist's workers inherit this environment.
    if not _name.startswith("RESGUARDO_TEST_"):
        del os.environ[_name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything has to be there: a test that is skipped for want of something fails."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file, skipped by `pytest.importorskip` for instance."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if TEST_URI:
        yield TEST_URI
        return
    from resguardo.store.embedded import EmbeddedServer

    with EmbeddedServer.start(tmp_path_factory.mktemp("mongodb")) as server:
        yield server.uri


@pytest.fixture
def settings(tmp_path: Path, mongodb_uri: str) -> Iterator[Settings]:
    """A board of its own: a data folder and a database, dropped afterwards."""
    from pymongo import MongoClient

    from resguardo.config import Settings

    database = f"test_{uuid.uuid4().hex}"
    yield Settings(data=tmp_path / "data", mongodb_uri=mongodb_uri, database=database)
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri, retryWrites=False)
    with client:
        client.drop_database(database)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    from resguardo.store import open_store

    with open_store(settings) as store:
        store.ensure_indexes()
        yield store


@pytest.fixture
def ledger(store: Store, settings: Settings) -> Ledger:
    from resguardo.ledger.record import Ledger

    return Ledger(store, settings.zone)


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The real command as a process, on the database of this test."""
    environment = os.environ | {
        "RESGUARDO_MONGODB_URI": settings.mongodb_uri.get_secret_value(),
        "RESGUARDO_DATABASE": settings.database,
        "RESGUARDO_DATA": str(tmp_path / "data"),
    }

    def run(*arguments: str, stdin: str = "", typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "resguardo", *arguments]
        with terminal(typed) as theirs:
            source: dict[str, Any] = {"stdin": theirs} if typed else {"input": stdin}
            return subprocess.run(
                command,
                env=environment | more,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
                **source,
            )

    return run


@contextmanager
def terminal(typed: str) -> Iterator[int]:
    """The end that a command reads from, of a terminal at which somebody has typed this."""
    ours, theirs = os.openpty()
    try:
        os.write(ours, typed.encode())
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)
