"""A file that a request carries, as a file on disk, so that its size is nobody's memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from flask import request

from resguardo.errors import Invalid
from resguardo.web.body import LARGEST

COPY_BLOCK: Final = 1024 * 1024


@contextmanager
def sent_file() -> Iterator[tuple[Path, str]]:
    """What was sent and its name: the file of a form, or a body of JSON. Raises `Invalid`."""
    with tempfile.NamedTemporaryFile(prefix="resguardo-upload-") as file:
        name = ""
        if request.is_json:
            request.max_content_length = LARGEST
            file.write(request.get_data())
        else:
            sent = next(iter(request.files.values()), None)
            if sent is None:
                raise Invalid("No llegó ningún archivo.", hint="Elige uno y súbelo de nuevo.")
            name = sent.filename or ""
            sent.stream.seek(0)  # somebody may have looked at it before
            while chunk := sent.stream.read(COPY_BLOCK):
                file.write(chunk)
        file.flush()
        yield Path(file.name), name
