"""The vault as pages and API reach it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from resguardo.errors import Unavailable
from resguardo.vault.catalogue import Catalogue
from resguardo.web.context import Board


def catalogue_of(served: Board) -> Catalogue:
    return Catalogue(served.vault_folder)


@contextmanager
def readable_vault() -> Iterator[None]:
    """Raises `Unavailable` where the vault's folder cannot be read."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            "No se puede leer la carpeta de copias: {why}.",
            hint="Revisa el disco y sus permisos.",
            why=error.strerror or str(error),
        ) from error
