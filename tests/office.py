"""LibreOffice without a window."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def convert(source: Path, form: str, into: Path, *options: str) -> None:
    """Write the file in another form, into a folder. `form` is LibreOffice's: an ending, or an ending and a filter."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("no LibreOffice on PATH (tests/ensure.sh libreoffice)")
    profile = f"-env:UserInstallation={(into / 'profile').as_uri()}"
    command = [office, profile, "--headless", *options, "--convert-to", form, "--outdir", str(into), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
