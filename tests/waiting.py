"""Tests wait for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float = 10) -> T:
    """What `condition` answers as soon as that is true. Fails when it stays false for `timeout` seconds."""
    limit = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > limit:
            raise AssertionError(f"still not true after {timeout} s: {condition}")
        time.sleep(0.02)
    return answer
