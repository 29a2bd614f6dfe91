"""Since when MongoDB is away, as the driver notices it: it asks each server for a sign of life every half second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pymongo.monitoring import (
    TopologyClosedEvent,
    TopologyDescriptionChangedEvent,
    TopologyListener,
    TopologyOpenedEvent,
)


class Contact(TopologyListener):
    """Of one client. Before its first connection nothing is known, and so nothing is lost."""

    def __init__(self) -> None:
        self.lost_at: datetime | None = None

    def lost_for(self, at_least: timedelta) -> bool:
        lost_at = self.lost_at
        return lost_at is not None and datetime.now(UTC) - lost_at > at_least

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        before, now = event.previous_description, event.new_description
        if now.has_readable_server():
            self.lost_at = None
        elif before.has_readable_server():
            self.lost_at = datetime.now(UTC)

    def opened(self, event: TopologyOpenedEvent) -> None:
        pass

    def closed(self, event: TopologyClosedEvent) -> None:
        pass
