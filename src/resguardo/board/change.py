"""What somebody wants done, and the only place where it is checked.

Pages, commands and imports build a `Change`; `ledger.record` calls `apply` with the document as it is and gets the
document as it will be. Changes that need several documents (renaming a person) are several changes of one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import bson
from bson.errors import BSONError, InvalidDocument

from resguardo.board import batch, document
from resguardo.board.people import is_unassigned
from resguardo.errors import Invalid, NotFound, TooLarge

Kind = Literal["batch", "segmentador"]
KINDS: Final[tuple[Kind, ...]] = ("segmentador", "batch")
"""In the order in which they are brought back: people before their work."""
Action = Literal["create", "edit", "assign", "unassign", "delete", "rename", "restore", "external", "mend", "undo"]

IDENTITY: Final[dict[Kind, str]] = {"batch": "id", "segmentador": "name"}
"""The field by which a document of a kind is known, in MongoDB and in the ledger."""

DEEPEST: Final = 50


@dataclass(frozen=True)
class Create:
    """A new document. `fields` may hold embedded documents; the identity is `doc`."""

    kind: Kind
    doc: str
    fields: Mapping[str, Any]
    action: Action = "create"


@dataclass(frozen=True)
class Edit:
    """Named fields get new values, `unset` ones go; all others stay.

    With `expected_rev`, nothing is done unless the document is still at that revision.
    """

    kind: Kind
    doc: str
    fields: Mapping[document.Path, Any]
    unset: tuple[document.Path, ...] = ()
    expected_rev: int | None = None
    action: Action = "edit"


@dataclass(frozen=True)
class Delete:
    """The document goes; its history stays."""

    kind: Kind
    doc: str
    expected_rev: int | None = None
    renamed_to: str | None = None
    action: Action = "delete"


@dataclass(frozen=True)
class Put:
    """The document becomes exactly these bytes, whatever it was: restoring, renaming, mending.

    `raw` is the document without `_rev`. Nothing in it is checked but its identity and its size: it has been on
    a board before.
    """

    kind: Kind
    doc: str
    raw: bytes = field(repr=False)
    action: Action = "restore"
    renamed_from: str | None = None
    must_be_new: bool = False
    expected_rev: int | None = None
    """0 where the document must not be there."""


Change = Create | Edit | Delete | Put


def edit(kind: Kind, doc: str, fields: Mapping[str, Any], expected_rev: int | None = None) -> Edit:
    """An `Edit` from JSON as the API and the old app send it: `metadata` is merged key by key, null unsets.

    Raises `Invalid` on a field that is not for editing.
    """
    sets: dict[document.Path, Any] = {}
    unset: list[document.Path] = []
    for name, value in fields.items():
        if name == "metadata" and isinstance(value, Mapping):
            pairs: Iterable[tuple[document.Path, Any]] = ((("metadata", key), val) for key, val in value.items())
        else:
            pairs = (((name,), value),)
        for path, val in pairs:
            if val is None and path != ("assignee",):
                unset.append(path)
            else:
                sets[path] = val
    only_assignee = kind == "batch" and set(sets) == {("assignee",)} and not unset
    return (
        assign(doc, sets["assignee",], expected_rev)
        if only_assignee
        else Edit(kind, doc, sets, tuple(unset), expected_rev)
    )


def assign(doc: str, assignee: object, expected_rev: int | None = None) -> Edit:
    """Give a batch to a segmentador, or with nobody (None, "") take it back."""
    action: Action = "unassign" if is_unassigned(assignee) else "assign"
    return Edit("batch", doc, {("assignee",): assignee}, (), expected_rev, action)


def check(change: Change) -> None:
    """What can be said of a change without the document. Raises `Invalid`."""
    name = batch.valid_id(change.doc) if change.kind == "batch" else batch.valid_person(change.doc)
    if isinstance(change, Create) and name != change.doc:
        raise Invalid("«{doc}» empieza o termina con espacios. Quítalos.", doc=change.doc)
    if isinstance(change, Create):
        _checked_fields(change.kind, flattened(change.fields))
    elif isinstance(change, Edit):
        _checked_fields(change.kind, change.fields)
        _refuse_reserved(change.kind, change.unset)


def flattened(fields: Mapping[str, Any]) -> dict[document.Path, Any]:
    """Nested JSON as paths: `{"metadata": {"priority": "alta"}}` -> `{("metadata", "priority"): "alta"}`."""
    paths: dict[document.Path, Any] = {}
    for name, value in fields.items():
        if name == "metadata" and isinstance(value, Mapping):
            paths |= {("metadata", key): val for key, val in value.items() if val is not None}
        else:
            paths[name,] = value
    return paths


def apply(before: bytes | None, change: Change, now: datetime) -> bytes | None:
    """The document after the change, or None when it is gone. `now` carries the board's zone.

    Raises `NotFound` when there is no document to change, `Invalid` when there is one already or a field breaks its
    rule, `TooLarge` past 15 MB.
    """
    if isinstance(change, Create):
        after = _created(before, change, now)
    elif isinstance(change, Put):
        after = _put(before, change)
    elif before is None:
        raise missing(change.kind, change.doc)
    elif isinstance(change, Delete):
        return None
    else:
        after = _edited(before, change, now)
    if len(after) > batch.LARGEST_DOCUMENT:
        raise TooLarge(
            "«{doc}» ocupa {size} MB; el máximo editable es 15 MB. Se conserva y se respalda como está.",
            doc=change.doc,
            size=round(len(after) / 1024 / 1024, 1),
        )
    return after


def missing(kind: Kind, doc: str) -> NotFound:
    if kind == "batch":
        return NotFound("No existe el batch «{doc}».", hint="Quizá lo eliminaron o cambió de id.", doc=doc)
    return NotFound("No existe el segmentador «{doc}».", hint="Revisa el nombre.", doc=doc)


def _created(before: bytes | None, change: Create, now: datetime) -> bytes:
    if before is not None:
        raise Invalid("Ya existe «{doc}».", hint="Usa otro nombre, o edita el que existe.", doc=change.doc)
    sets = _checked_fields(change.kind, flattened(change.fields))
    if not is_unassigned(sets.get(("assignee",))) and ("metadata", "assigned_at") not in sets:
        sets["metadata", "assigned_at"] = batch.local_stamp(now)
    metadata = {path[1]: value for path, value in sets.items() if len(path) == 2}
    fields = {path[0]: value for path, value in sets.items() if len(path) == 1}
    defaults: dict[str, Any] = {"_id": bson.ObjectId(), IDENTITY[change.kind]: change.doc}
    if change.kind == "batch":
        defaults |= {"assignee": None, "status": "NS", "folder": "", "mongo_uploaded": False, "comments": ""}
        metadata = {"priority": "media"} | metadata
    else:
        defaults |= {"role": "segmentador", "email": "", "created_at": batch.local_stamp(now)}
    whole = defaults | fields
    return _encode(whole | {"metadata": metadata} if metadata else whole)


def _put(before: bytes | None, change: Put) -> bytes:
    if change.must_be_new and before is not None:
        raise Invalid("Ya existe «{doc}».", hint="Elige otro nombre.", doc=change.doc)
    identity = document.field(change.raw, IDENTITY[change.kind])
    if identity != change.doc:
        raise Invalid("El documento dice llamarse «{found}», no «{doc}».", found=identity, doc=change.doc)
    raw = document.without(change.raw, document.REVISION)
    own = [element.raw for element in document.elements(raw) if element.name == b"_id"]
    if own and before is None:
        return raw
    # A file of the old system has no `_id`; a document that is there keeps its own.
    kept = [element.raw for element in document.elements(before or b"") if element.name == b"_id"] if before else []
    fresh = [b"\x07_id\0" + bson.ObjectId().binary]
    return document.assemble([*(kept or own or fresh), document.without(raw, b"_id")[4:-1]])


def _edited(before: bytes, change: Edit, now: datetime) -> bytes:
    sets = _checked_fields(change.kind, change.fields)
    unset = set(change.unset)
    _refuse_reserved(change.kind, change.unset)
    if change.kind == "batch":
        _stamp_assignment(before, sets, unset, now)
        _stamp_review(before, sets, now)
    return _apply_sets(before, sets, unset)


def _apply_sets(before: bytes, sets: dict[document.Path, Any], unset: set[document.Path]) -> bytes:
    try:
        return document.changed(before, sets, unset)
    except (InvalidDocument, BSONError, OverflowError, RecursionError, UnicodeError) as error:
        raise Invalid("Un valor no se puede guardar: {why}", why=str(error)) from error


def _stamp_assignment(before: bytes, sets: dict[document.Path, Any], unset: set[document.Path], now: datetime) -> None:
    """Giving a batch away records when; taking it back forgets it (the old system's `assigned_at`)."""
    stamp = ("metadata", "assigned_at")
    if ("assignee",) not in sets or stamp in sets or sets["assignee",] == document.field(before, "assignee"):
        return
    if is_unassigned(sets["assignee",]):
        unset.add(stamp)
    else:
        sets[stamp] = batch.local_stamp(now)


def _stamp_review(before: bytes, sets: dict[document.Path, Any], now: datetime) -> None:
    review, stamp = ("metadata", "review_status"), ("metadata", "reviewed_at")
    if review not in sets or stamp in sets:
        return
    metadata = document.field(before, "metadata")
    known = metadata.get("review_status") if isinstance(metadata, Mapping) else None
    if sets[review] != known:
        sets[stamp] = batch.local_stamp(now) if sets[review] != "Pendiente" else ""


def _checked_fields(kind: Kind, fields: Mapping[document.Path, Any]) -> dict[document.Path, Any]:
    _refuse_reserved(kind, fields)
    rules: Mapping[document.Path, Callable[[Any], Any]] = batch.FIELD_RULES if kind == "batch" else _PERSON_RULES
    checked: dict[document.Path, Any] = {}
    for path, value in fields.items():
        rule = rules.get(path)
        checked[path] = rule(value) if rule else _storable(path, value)
    return checked


def _refuse_reserved(kind: Kind, paths: Iterable[document.Path]) -> None:
    for path in paths:
        name = ".".join(path)
        if len(path) == 1 and (path[0] in batch.RESERVED - {"id"} or path[0] == IDENTITY[kind]):
            raise Invalid(
                "«{name}» no se puede editar así.",
                hint="Para cambiar un id o un nombre, usa Renombrar.",
                name=name,
            )
        bad = any(not part or part.startswith("$") or "." in part or "\0" in part for part in path)
        if bad:
            raise Invalid(
                "«{name}» no sirve como nombre de campo: no puede estar vacío, empezar con $ ni llevar puntos.",
                name=name,
            )


def _storable(path: document.Path, value: Any, depth: int = 0) -> Any:
    """A value of a field that Resguardo does not know: anything JSON or BSON can say, within bounds."""
    name = ".".join(path)
    if depth > DEEPEST:
        raise Invalid("«{name}» tiene más de {most} niveles.", name=name, most=DEEPEST)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or "\0" in key:
                raise Invalid("«{name}» tiene un nombre de campo que no sirve.", name=name)
            _storable(path, inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _storable(path, inner, depth + 1)
    elif isinstance(value, str) and any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise Invalid("«{name}» tiene caracteres que no son texto válido.", name=name)
    elif isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise Invalid("«{name}» tiene un número demasiado grande.", name=name)
    return value


def _encode(whole: dict[str, Any]) -> bytes:
    try:
        return bson.encode(whole)
    except (InvalidDocument, BSONError, OverflowError, RecursionError, UnicodeError) as error:
        raise Invalid("Un valor no se puede guardar: {why}", why=str(error)) from error


def _short_text(label: str) -> Any:
    def rule(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > batch.LONGEST_NAME:
            raise Invalid("{label} tiene que ser texto de hasta {most} caracteres.", label=label, most=300)
        return value.strip()

    return rule


_PERSON_RULES: Final[dict[document.Path, Callable[[Any], Any]]] = {
    ("role",): _short_text("El rol"),
    ("email",): _short_text("El correo"),
    ("mail_off",): batch.flag("mail_off"),
    ("mail_language",): batch.choice("El idioma de los mensajes", ("es", "en")),
}


def rename(kind: Kind, before: bytes, doc: str, new: str) -> tuple[Put, Delete]:
    """A new id or name: a creation and a deletion that point at each other.

    The creation comes first, so that a crash between the two leaves the document twice rather than not at all.
    Raises `Invalid`.
    """
    new = batch.valid_id(new) if kind == "batch" else batch.valid_person(new)
    if new == doc:
        raise Invalid("Ya se llama «{doc}».", doc=doc)
    raw = document.changed(document.without(before, b"_id"), {(IDENTITY[kind],): new})
    raw = document.assemble([b"\x07_id\0" + bson.ObjectId().binary, raw[4:-1]])
    return Put(kind, new, raw, "rename", renamed_from=doc, must_be_new=True), Delete(
        kind, doc, renamed_to=new, action="rename"
    )
