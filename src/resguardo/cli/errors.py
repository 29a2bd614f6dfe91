"""Exit codes, given to the classes of `resguardo.errors` once (design.md, "Exit codes")."""

from __future__ import annotations

from typing import Final

from resguardo import errors

ERROR: Final = 1
WITH_WARNINGS: Final = 3
INTEGRITY: Final = 13
EXIT_CODES: Final[dict[type[errors.ResguardoError], int]] = {
    errors.Usage: 2,
    errors.NoVault: 10,
    errors.Locked: 11,
    errors.Integrity: INTEGRITY,
    errors.MomentUnreachable: 14,
    errors.RefusedForSafety: 15,
}


def exit_code(error: errors.ResguardoError) -> int:
    return EXIT_CODES.get(type(error), ERROR)
