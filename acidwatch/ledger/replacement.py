"""One workbook in place of another: once every batch of the new one is a member, the old one's members leave, in the same version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acidwatch.contract.outcome import Outcome
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import Dataset
from acidwatch.ledger.state import Key
from acidwatch.ledger.write import NewVersion, insert


@dataclass(slots=True)
class _Source:
    """A source that is sent in place of another.

    Attributes:
        name: For the version's message.
        replaces: The other one; then the one that this other was to stand in place of, and so on.
        missing: How many of its batches are no members; None = it is not known how many it has.
        asked: Whether a record of this group says what it replaces.
    """

    name: str
    replaces: tuple[str, ...]
    missing: int | None
    asked: bool = False


@dataclass(slots=True)
class _Old:
    """What a source that is to be replaced has in the dataset: its members, each with its rows and bytes."""

    members: dict[Key, tuple[int, int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Of all its members."""
        return sum(rows for rows, _ in self.members.values())

    @property
    def bytes(self) -> int:
        """Of all its members."""
        return sum(size for _, size in self.members.values())


class Replacements:
    """The replacements that a group of outcomes may complete. Until the new source is whole the old one stays: readers see no hole."""

    def __init__(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        ids = list({outcome.source_id for outcome in outcomes})
        known = {
            row["source_id"]: row
            for row in connection.execute(
                "SELECT source_id, replaces, batch_count FROM ledger.sources WHERE source_id = ANY(%s)", (ids,)
            )
        }
        links = _links(connection, {source_id: row["replaces"] for source_id, row in known.items()}, outcomes)
        self._replaced = _replaced(connection, ids)
        self._sources: dict[str, _Source] = {}
        self._asked: dict[str, str] = {}
        self._old: dict[str, _Old] = {}
        self._made: list[tuple[str, str, int]] = []
        for outcome in outcomes:
            row = known.get(outcome.source_id, {})
            replaces = _chain(outcome.source_id, links)
            if replaces:
                batches = row.get("batch_count") or outcome.batch_count
                count = batches if batches is not None and batches > 0 else None  # 0 is what only a stranger says
                self._sources[outcome.source_id] = _Source(outcome.source, replaces, count)
        if self._sources:
            self._load(connection)

    def _load(self, connection: Connection) -> None:
        others = list({other for source in self._sources.values() for other in source.replaces})
        self._replaced |= _replaced(connection, others)
        self._old = {source_id: _Old() for source_id in others}
        for row in connection.execute(
            "SELECT b.source_id, m.batch_id, m.attempt, a.rows, a.value_bytes FROM ledger.memberships m"
            " JOIN ledger.batches b USING (batch_id) JOIN ledger.attempts a USING (batch_id, attempt)"
            " WHERE m.to_version IS NULL AND b.source_id = ANY(%s)",
            ([*others, *self._sources],),
        ):
            if row["source_id"] in self._old:
                member = row["batch_id"], row["attempt"]
                self._old[row["source_id"]].members[member] = row["rows"], row["value_bytes"]
            source = self._sources.get(row["source_id"])
            if source is not None and source.missing is not None:
                source.missing -= 1

    def replaced_in(self, source_id: str) -> int | None:
        """The version since which another workbook stands in place of this one; None = none does."""
        return self._replaced.get(source_id)

    def asked(self, outcome: Outcome) -> None:
        """A record that was not seen before says what its source replaces; one that is repaired says what was meant when it first came."""
        source = self._sources.get(outcome.source_id)
        if source is not None and outcome.replaces and outcome.replaces == source.replaces[0]:
            source.asked = True
            self._asked[outcome.source_id] = outcome.replaces

    def joined(self, outcome: Outcome, left: Key | None, dataset: Dataset, version: NewVersion) -> list[Key]:
        """A batch became a member, perhaps in place of its attempt `left`; the members of another source that leave with that."""
        if outcome.source_id in self._old:
            old = self._old[outcome.source_id]
            if left is not None:
                old.members.pop(left, None)
            old.members[outcome.batch_id, outcome.attempt] = outcome.rows, outcome.value_bytes
        source = self._sources.get(outcome.source_id)
        if source is None or source.missing is None:
            return []
        source.missing -= left is None
        return self._take_out(outcome.source_id, source, dataset, version) if source.missing <= 0 else []

    def late(self, dataset: Dataset) -> list[NewVersion]:
        """Versions for sources that were whole before they were sent again with what they replace."""
        made = []
        for source_id, source in self._sources.items():
            whole = source.missing is not None and source.missing <= 0
            if not source.asked or not whole or not self._standing(source):
                continue
            # Also where nothing leaves: what is numbered before this version is not to come any more.
            dataset.version += 1
            message = f"{source.name} stands in place of {source.replaces[0]}"
            version = NewVersion(dataset.version, "quarantine", source.name, message, dataset.rows, dataset.bytes)
            version.out += self._take_out(source_id, source, dataset, version)
            made.append(version)
        return made

    def _take_out(self, source_id: str, source: _Source, dataset: Dataset, version: NewVersion) -> list[Key]:
        standing = self._standing(source)
        gone: list[Key] = []
        for other in standing:
            old = self._old[other]
            dataset.rows -= old.rows
            dataset.bytes -= old.bytes
            gone += old.members
            self._replaced[other] = version.version
            self._made.append((other, source_id, version.version))
        if standing:
            version.rows, version.bytes = dataset.rows, dataset.bytes
            version.details |= {"replaced_source": source.replaces[0], "batches_out": len(gone)}
        return gone

    def _standing(self, source: _Source) -> list[str]:
        """What it is to replace and nothing has replaced yet."""
        return [other for other in source.replaces if other not in self._replaced]

    def write(self, connection: Connection) -> None:
        """Note what is to replace what, and what now does."""
        for source_id, other in self._asked.items():
            connection.execute("UPDATE ledger.sources SET replaces = %s WHERE source_id = %s", (other, source_id))
        insert(
            connection,
            "INSERT INTO ledger.replacements (source_id, replaced_by, from_version) SELECT * FROM {rows}",
            ("text", "text", "bigint"),
            self._made,
        )


def _replaced(connection: Connection, source_ids: Sequence[str]) -> dict[str, int]:
    rows = connection.execute(
        "SELECT source_id, from_version FROM ledger.replacements WHERE source_id = ANY(%s) AND to_version IS NULL",
        (list(source_ids),),
    )
    return {row["source_id"]: row["from_version"] for row in rows}


def _links(connection: Connection, known: Mapping[str, str | None], outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Which source each one is sent in place of: those of a group, and whatever these lead to.

    A later attempt says so only of a source that the ledger does not know: what was meant when it first came may have been undone.
    """
    links = {source_id: other for source_id, other in known.items() if other}
    for outcome in outcomes:
        if outcome.replaces and (outcome.attempt == 1 or outcome.source_id not in known):
            links[outcome.source_id] = outcome.replaces
    looked_at = set(known) | set(links)
    while others := set(links.values()) - looked_at:
        looked_at |= others
        rows = connection.execute(
            "SELECT source_id, replaces FROM ledger.sources WHERE source_id = ANY(%s) AND replaces IS NOT NULL",
            (list(others),),
        )
        links |= {row["source_id"]: row["replaces"] for row in rows}
    return links


def _chain(source_id: str, links: Mapping[str, str]) -> tuple[str, ...]:
    """What a source is sent in place of, nearest first: a correction of a correction that never became whole replaces both."""
    chain: list[str] = []
    while (other := links.get(chain[-1] if chain else source_id)) and other not in (source_id, *chain):
        chain.append(other)
    return tuple(chain)
