"""The longest that somebody's change waits while a backup is being made, on a served board.

python -m benchmarks waits --batches 100000
"""

from __future__ import annotations

import statistics
import threading
import time

import requests

from benchmarks.ground import Served, say, served

BATCHES = 100_000
LONGEST_S = 0.5


def run(batches: int) -> None:
    with served(batches) as board:
        quiet = changes(board, threading.Event(), 40)
        done = threading.Event()
        backup = threading.Thread(target=back_up, args=(board, done))
        backup.start()
        busy = changes(board, done, 100_000)
        backup.join()
    say("a change, the middle one, nothing else going on", statistics.median(quiet), "s")
    say("a change, the longest, nothing else going on", max(quiet), "s")
    say(f"a change during a backup, the middle one of {len(busy)}", statistics.median(busy), "s")
    say("a change during a backup, the longest", max(busy), "s", LONGEST_S)


def changes(board: Served, done: threading.Event, most: int) -> list[float]:
    """How long each of these changes took, one after the other, until `done`."""
    took: list[float] = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {board.token}"
        while len(took) < most and not done.is_set():
            address = f"{board.address}/api/batches/batch_{len(took) % 1000 + 1:06d}F"
            begun = time.perf_counter()
            session.patch(address, json={"comments": f"cambio {begun}"}, timeout=120).raise_for_status()
            took.append(time.perf_counter() - begun)
            time.sleep(0.02)
    return took


def back_up(board: Served, done: threading.Event) -> None:
    try:
        begun = time.perf_counter()
        headers = {"Authorization": f"Bearer {board.token}"}
        requests.post(f"{board.address}/api/backups", headers=headers, timeout=600).raise_for_status()
        say("the backup meanwhile", time.perf_counter() - begun, "s")
    finally:
        done.set()
