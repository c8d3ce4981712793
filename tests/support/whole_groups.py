"""A group through all steps of the ingestor's commit, as the reader of groups takes it when no other group is in flight."""

from __future__ import annotations

from typing import Any

from services.ingestor.commit import GroupCommit


class WholeGroups:
    """Called with a group, returns when its outcomes are confirmed."""

    def __init__(self, commit: GroupCommit) -> None:
        self.steps = commit

    async def __call__(self, events: list[Any]) -> None:
        """Commit and conclude."""
        conclude = await self.steps(events)
        await conclude()
