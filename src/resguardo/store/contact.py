"""Since when MongoDB is away, as the driver notices it: it asks each server for a sign of life every half second.

Its events about the topology as a whole would say it in one word, but a client that listens to them takes half a second
to close, and so each command to end.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)


class Contact(ServerHeartbeatListener):
    """Of one client. Before its first connection nothing is known, and so nothing is lost."""

    def __init__(self) -> None:
        self.lost_at: datetime | None = None
        self._at_hand: set[tuple[str, int | None]] = set()
        """The servers that answer and take writes: where there is none, the board can neither read nor save."""

    def lost_for(self, at_least: timedelta) -> bool:
        lost_at = self.lost_at
        return lost_at is not None and datetime.now(UTC) - lost_at > at_least

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        if event.reply.is_writable:
            self._at_hand.add(event.connection_id)
            self.lost_at = None
        else:
            self._gone(event.connection_id)

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        self._gone(event.connection_id)

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        pass

    def _gone(self, server: tuple[str, int | None]) -> None:
        if server in self._at_hand:
            self._at_hand.discard(server)
            if not self._at_hand:
                self.lost_at = datetime.now(UTC)
