"""Completing what a crash left between entry and document: at start-up, and now and then for other processes.

Only entries since the last checkpoint are looked at, with a margin for the clocks of several hosts. The checkpoint is
moved last: a crash before that means that the same entries are looked at again, which does no harm.

A rename is a creation and a deletion, in this order; of a person, with their batches in between. A crash on the way
leaves the document under both names; what is missing is recorded here, as part of the same operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from resguardo.board.change import Change, Delete, Kind
from resguardo.ledger.people import following
from resguardo.ledger.record import Ledger, Via
from resguardo.ledger.settle import CHECKPOINT, MARGIN, RUNNING, Key
from resguardo.store import Store
from resguardo.store.entries import Entry

BLOCK: Final = 500
UNFINISHED: Final = timedelta(minutes=1)
"""Half a rename this young may be somebody's who is just at it."""


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
    running = () if starting else store.state.names(RUNNING)
    finished = 0
    for entry in half_renames.values():
        if starting or (started - entry.at > UNFINISHED and RUNNING + entry.op not in running):
            finished += _finish_rename(ledger, entry)
    store.state.put(CHECKPOINT, started)
    return len(lagging) + finished


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


def _finish_rename(ledger: Ledger, entry: Entry) -> int:
    """Returns how many entries were missing."""
    old = entry.renamed_from
    if old is None or not ledger.store.documents(entry.kind).read([old]):
        return 0
    along = following(ledger, old, entry.doc) if entry.kind == "segmentador" else []
    changes: list[Change] = [*along, Delete(entry.kind, old, renamed_to=entry.doc, action="rename")]
    via: Via = entry.via  # type: ignore[assignment]
    return ledger.record(changes, actor=entry.actor, via=via, op=entry.op, op_size=entry.op_size).recorded


def _lagging(store: Store, highest: dict[Key, tuple[int, bool]]) -> list[Key]:
    lagging: list[Key] = []
    kinds: Sequence[Kind] = ("batch", "segmentador")
    for kind in kinds:
        wanted = {doc: None if gone else rev for (own, doc), (rev, gone) in highest.items() if own == kind}
        found = store.documents(kind).revisions(wanted)
        lagging += [(kind, doc) for doc, rev in wanted.items() if found.get(doc) != rev]
    return lagging
