"""Completing what a crash left between entry and document: at start-up, and now and then for other processes.

Only entries since the last checkpoint are looked at, with a margin for the clocks of several hosts. The checkpoint is
moved last: a crash before that means that the same entries are looked at again, which does no harm.

A rename is two entries, the creation first. A crash between them leaves the document under both names; the missing
deletion is recorded here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from resguardo.board.change import Delete, Kind
from resguardo.ledger.record import Ledger
from resguardo.ledger.settle import Key
from resguardo.store import Store
from resguardo.store.entries import Entry

CHECKPOINT: Final = "recovered"
MARGIN: Final = timedelta(minutes=5)
BLOCK: Final = 500


def recover(
    store: Store,
    ledger: Ledger,
    progress: Callable[[int, int], None] = lambda done, of: None,
    *,
    starting: bool = True,
) -> int:
    """Make every document follow its highest entry. Returns how many had to be mended.

    Only when `starting`, a document that is missing is always what a crash left (`settle`).
    """
    started = ledger.now()
    checkpoint = store.state.get(CHECKPOINT)
    since = checkpoint - MARGIN if checkpoint else datetime(1970, 1, 1, tzinfo=UTC)
    highest: dict[Key, tuple[int, bool]] = {}
    half_renames: dict[tuple[str, str], Entry] = {}
    for entry in store.entries.since(since):
        key = (entry.kind, entry.doc)
        highest[key] = max((entry.rev, entry.after is None), highest.get(key, (0, True)))
        _pair_up(entry, half_renames)
    lagging = _lagging(store, highest)
    for start in range(0, len(lagging), BLOCK):
        ledger.settle(lagging[start : start + BLOCK], recovering=starting)
        progress(min(start + BLOCK, len(lagging)), len(lagging))
    for entry in half_renames.values():
        _finish_rename(store, ledger, entry)
    store.state.put(CHECKPOINT, started)
    return len(lagging) + len(half_renames)


def _pair_up(entry: Entry, waiting: dict[tuple[str, str], Entry]) -> None:
    """Keep the creations of renames whose deletion has not been seen."""
    if entry.renamed_from is not None:
        pair = (entry.op, entry.renamed_from)
    elif entry.renamed_to is not None:
        pair = (entry.op, entry.doc)
    else:
        return
    if waiting.pop(pair, None) is None:
        waiting[pair] = entry


def _finish_rename(store: Store, ledger: Ledger, entry: Entry) -> None:
    if entry.renamed_from is None:
        return
    change = Delete(entry.kind, entry.renamed_from, renamed_to=entry.doc, action="rename")
    if store.documents(entry.kind).read([entry.renamed_from]):
        ledger.record([change], actor=entry.actor, via="page", op=entry.op, op_size=entry.op_size)


def _lagging(store: Store, highest: dict[Key, tuple[int, bool]]) -> list[Key]:
    lagging: list[Key] = []
    kinds: Sequence[Kind] = ("batch", "segmentador")
    for kind in kinds:
        wanted = {doc: None if gone else rev for (own, doc), (rev, gone) in highest.items() if own == kind}
        found = store.documents(kind).revisions(wanted)
        lagging += [(kind, doc) for doc, rev in wanted.items() if found.get(doc) != rev]
    return lagging
