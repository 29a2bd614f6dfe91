"""A made-up team for trying the board: the same every time, with some history and some masks."""

from __future__ import annotations

import io
import lzma
import random
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from resguardo import auth
from resguardo.board.batch import PRIORITIES
from resguardo.board.change import Change, Create, assign, edit
from resguardo.ledger.record import Ledger
from resguardo.store import Store

PEOPLE: Final = (
    "Ceci",
    "Flor",
    "Ignacio",
    "José Ángel",
    "Ma. Fernanda Núñez",
    "Maggie",
    "Mauricio",
    "Xóchitl",
)
COMMENTS: Final = (
    "",
    "",
    "Faltan 3 imágenes, avisar a Ceci",
    "Bordes dudosos en la última sección",
    "Revisé el contraste; ya quedó",
    "¿Se incluye la lesión pequeña?",
)
PASSWORD: Final = "resguardo-demo"  # noqa: S105 a board that is thrown away
ACCOUNTS: Final = (
    ("ana", "lead", None),
    ("rita", "reviewer", None),
    ("maggie", "segmentador", "Maggie"),
    ("victor", "viewer", None),
)
BLOCK: Final = 5_000
MASKS: Final = 125


def fill(store: Store, ledger: Ledger, batches: int) -> None:
    """Put the team on an empty board. Two thirds of the ids are of the newer style, one third of the older."""
    chance = random.Random(429)  # noqa: S311 made-up data, the same every time
    for name, role, segmentador in ACCOUNTS:
        auth.add_account(store, name, role, PASSWORD, ledger.now(), segmentador=segmentador)
    people = [Create("segmentador", name, {"email": ""}) for name in PEOPLE]
    ledger.record(people, actor="ana", via="demo")
    newer = batches * 2 // 3
    ids = [f"batch_{number:06d}F" for number in range(1, newer + 1)]
    ids += [f"batch_T{number:06d}" for number in range(1, batches - newer + 1)]
    for start in range(0, len(ids), BLOCK):
        _history(ledger, chance, ids[start : start + BLOCK])
    store.masks.upload(_masks(chance, ids[:MASKS]))


def _history(ledger: Ledger, chance: random.Random, ids: list[str]) -> None:
    """Created by the lead, handed out, worked on, and partly reviewed: four operations by three people."""
    today = ledger.now().astimezone(ledger.zone).date()
    created: list[Change] = []
    for name in ids:
        due = (today + timedelta(days=chance.randint(-10, 40))).isoformat()
        metadata: dict[str, Any] = {"priority": chance.choice(PRIORITIES), "due_date": due, "total_masks": 40}
        created.append(Create("batch", name, {"folder": f"/datos/{name}", "metadata": metadata}))
    ledger.record(created, actor="ana", via="demo")
    given = [name for name in ids if chance.random() < 0.9]
    ledger.record([assign(name, chance.choice(PEOPLE)) for name in given], actor="ana", via="demo")
    worked = [name for name in given if chance.random() < 0.6]
    ledger.record([_work(chance, name) for name in worked], actor="maggie", via="demo")
    reviewed = [name for name in worked if chance.random() < 0.4]
    reviews = [chance.choice(("Aprobado", "Aprobado", "No Aprobado")) for _ in reviewed]
    ledger.record(
        [
            edit("batch", name, {"metadata": {"review_status": review}})
            for name, review in zip(reviewed, reviews, strict=True)
        ],
        actor="rita",
        via="demo",
    )


def _work(chance: random.Random, name: str) -> Change:
    done = chance.random() < 0.55
    masks = 40 if done else chance.randint(1, 39)
    fields = {"status": "S" if done else "In", "comments": chance.choice(COMMENTS)}
    return edit("batch", name, {**fields, "metadata": {"completed_masks": masks}})


def _masks(chance: random.Random, ids: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in ids:
        content = chance.randbytes(256)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            member = tarfile.TarInfo("mask_001.raw")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        yield f"masks_{name}.tar.xz", lzma.compress(packed.getvalue())
