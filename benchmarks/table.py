"""A page of the table of batches, and the beginning of a work list, over HTTP from a served board.

    python -m benchmarks table --batches 10000

"first" is the first look at a filter after something changed, "next" another page of the same listing.
"""

from __future__ import annotations

import time
from urllib.parse import quote

import requests

from benchmarks.ground import PEOPLE, Served, say, served

BATCHES = 10_000
PAGE_MS = 300
WORKLIST_MS = 500
LOOKS = (
    "",
    "sort=-id",
    "sort=-due_date",
    "sort=assignee",
    "sort=priority&status=In",
    "status=NS",
    "status=S&sort=-assigned_at",
    f"assignee={quote(PEOPLE[3])}",
    f"assignee={quote(PEOPLE[4])}&sort=-due_date&status=NS,In",
    "unassigned=1&sort=-due_date",
    "priority=alta&due_before=2026-06-01",
    "review=Aprobado",
    "text=seccion",
    "text=009",
)


def run(batches: int) -> None:
    with served(batches) as board, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {board.token}"
        get(session, board, "/api/batches")
        for look in LOOKS:
            touch(session, board)
            address = f"/api/batches?per_page=50&{look}"
            first, answer = get(session, board, address)
            pages = answer["pagination"]["total_pages"]
            deep = max(get(session, board, f"{address}&page={page}")[0] for page in {1, 2, pages // 2 or 1, pages or 1})
            say(f"first  ?{look or '(all)'}", first, "ms", PAGE_MS)
            say(f"next   ?{look or '(all)'} (the slowest of four)", deep, "ms", PAGE_MS)
        for person in PEOPLE[:4]:
            say(f"work list, first byte ({person})", first_byte(session, board, person), "ms", WORKLIST_MS)


def get(session: requests.Session, board: Served, path: str) -> tuple[float, dict]:
    begun = time.perf_counter()
    answer = session.get(board.address + path, timeout=120)
    took = (time.perf_counter() - begun) * 1000
    answer.raise_for_status()
    return took, answer.json()


def touch(session: requests.Session, board: Served) -> None:
    """Change something, so that nothing read before holds any longer."""
    name = "batch_000001F"
    answer = session.patch(f"{board.address}/api/batches/{name}", json={"comments": str(time.time())}, timeout=60)
    answer.raise_for_status()


def first_byte(session: requests.Session, board: Served, person: str) -> float:
    begun = time.perf_counter()
    with session.get(f"{board.address}/api/export/segmentador/{quote(person)}", stream=True, timeout=120) as answer:
        answer.raise_for_status()
        next(answer.iter_content(1))
        took = time.perf_counter() - begun
        for _ in answer.iter_content(65536):
            pass
    return took * 1000
