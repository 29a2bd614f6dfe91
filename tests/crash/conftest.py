"""What the proofs share: a process that forks others to be killed, and what has to hold after a crash."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `import failpoints`, `proof`, `served`

from resguardo.config import Settings


class Killer:
    def __init__(self, log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "killer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )

    def kill(self, settings: Settings, failpoint: str, statements: str, **more: int) -> None:
        """Run statements, with `ledger` and `store`, in a process that has to die at the failpoint."""
        assert settings.mongodb_uri is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        task = {"uri": settings.mongodb_uri.get_secret_value(), "database": settings.database, **more}
        task |= {"data": str(settings.data), "failpoint": failpoint, "statements": textwrap.dedent(statements)}
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        status = self._process.stdout.readline().strip()
        assert status == str(-signal.SIGKILL), f"{failpoint} was not reached ({status}): {self._log.read_text()}"

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    killer = Killer(tmp_path_factory.mktemp("killer") / "log")
    yield killer
    killer.end()


@pytest.fixture
def killed(killer: Killer, settings: Settings) -> Callable[..., None]:
    return lambda failpoint, statements, **more: killer.kill(settings, failpoint, statements, **more)
