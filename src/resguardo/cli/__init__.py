"""The command line. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys

import orjson

from resguardo.cli.app import app
from resguardo.cli.errors import exit_code
from resguardo.errors import ResguardoError
from resguardo.store.connect import MongoError, explain


def run() -> None:
    """Run a command and leave with its exit code."""
    try:
        app()
    except (ResguardoError, MongoError) as error:
        ours = explain(error) if isinstance(error, MongoError) else error
        sys.stderr.write(f"{ours}\n")
        if "--json" in sys.argv:
            sys.stdout.buffer.write(orjson.dumps({"success": False, "error": str(ours)}) + b"\n")
        sys.exit(exit_code(ours))
