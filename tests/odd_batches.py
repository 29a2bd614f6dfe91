"""Batches of old data as odd as they come, and filters that tell them apart."""

from __future__ import annotations

from typing import Any

ODD: list[dict[str, Any]] = [
    {"id": "odd 1", "assignee": "  ", "comments": "ÑANDÚ", "metadata": {"review_status": "no_aprobado"}},
    {"id": "odd 2", "status": "FS", "metadata": {"due_date": ""}},
    {"id": "odd 3", "assignee": 5, "metadata": "none"},
    {"id": "odd 5", "comments": "Ağız, Čapek, Đorđe, mañana, Ǉ ß"},
    {"id": "odd 6", "folder": "한국 ≠ K\u0323\u0301 Kelvin \u212a"},
    {"id": "odd 7", "assignee": "\u00a0", "metadata": {"review_status": "Aprobado\n"}},
    {"id": "odd 8", "assignee": "Pérez, Ana"},
    {"id": "odd.4", "folder": "/datos/cigüeña (2)", "metadata": {"review_status": "APROBADO"}},
]

FILTERS: list[dict[str, Any]] = [
    {},
    {"assignee": "Ceci"},
    {"assignee": ["Ceci", "José Ángel"], "status": "S"},
    {"unassigned": "1"},
    {"status": "NS,In"},
    {"status": "FS"},
    {"review": "Aprobado"},
    {"review": "No Aprobado"},
    {"review": "Pendiente"},
    {"priority": "alta,baja"},
    {"due_before": "2025-10-01"},
    {"due_after": "2025-10-01", "due_before": "2025-10-15"},
    {"assigned_after": "2025-09-10"},
    {"text": "nandu"},
    {"text": "CIGUENA (2"},
    {"text": "imagenes"},
    *({"text": text} for text in ("agiz", "capek", "dorde", "đorđe", "MANANA", "ǉ", "ss", "ß")),
    *({"text": text} for text in ("한", "한국 =", "국 ≠ k", "ᄒ", "kelvin k", "\u0301", "[", ".*", "\\")),
    {"assignee": "Pérez, Ana"},
    {"text": "batch_t00001", "status": "S"},
    {"ids": "odd 1,odd.4,none"},
]
