"""Reconcile: for every source, what was sent is what was accepted, rejected, came twice, is run again or is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acidwatch.archive.manifests import RawFile, read_raw_manifest
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.contract.batch import Origin, id_from_origin
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger.deliveries import Delivery
from acidwatch.proof.faults import Fault
from acidwatch.proof.places import Places

LOST = "lost-outcome"
UNDECIDED = "undecided"


@dataclass(slots=True)
class SourceCounts:
    """A source, and how many of its records became what.

    Attributes:
        sent: Records on the topic, and those that retention has removed from it and raw/ or the ledger know.
        archived: Of these, how many raw/ holds.
        in_flight: Not judged, or not recorded yet.
    """

    source: str
    source_id: str
    sent: int = 0
    archived: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    rerun: int = 0
    in_flight: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether what was sent is what became of it."""
        return self.sent == self.accepted + self.rejected + self.duplicate + self.rerun + self.in_flight


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found.

    Attributes:
        lost: Records that raw/ has and the ledger lacks though nothing is on its way: their outcomes can be sent again.
    """

    sources: list[SourceCounts]
    differences: list[Fault]
    lost: list[list[tuple[RawFile, Outcome]]]


def reconcile(places: Places, store: Store) -> Reconciled:
    """Compare what the three places say; `store` is asked again about what came while they were read."""
    sources: dict[str, SourceCounts] = {}
    differences = [Fault(error.path, "unreadable", error.reason) for error in places.damaged]
    lost = []
    undecided = 0
    for origin in sorted({*places.on_topic, *places.in_raw, *places.in_ledger}, key=_order):
        counts = _source_of(places, origin, sources)
        counts.sent += 1
        archived, delivery = places.in_raw.get(origin), places.in_ledger.get(origin)
        if delivery is not None and not archived:
            archived = _came_since(store, delivery, origin)
        counts.archived += bool(archived)
        if delivery is not None:
            setattr(counts, delivery.became, getattr(counts, delivery.became) + 1)
        elif not places.is_committed(origin):
            counts.in_flight += 1
        elif archived and places.outcomes_left:
            counts.in_flight += 1
            undecided += 1
        elif archived:
            lost.append(archived)
        differences += _differences(places, origin, archived or [], delivery)
    differences += _lost_reruns(places)
    differences += _files(places)
    differences += _counts(places)
    if undecided:
        message = f"outcomes that it has yet to record: {places.outcomes_left}; records of raw/ that the ledger lacks: {undecided}"
        advice = "lost can't be told from in flight: see acidwatch status, then reconcile again (--timeout 10m waits for longer)"
        differences.append(Fault("versioner", UNDECIDED, f"{message}; {advice}"))
    for gap in places.gaps:
        message = f"records {gap.expected} to {gap.found - 1} were removed before they were read"
        differences.append(Fault(f"{gap.topic}/{gap.partition}", "offset-gap", message))
    for counts in sources.values():
        if not counts.adds_up:
            became = counts.accepted + counts.rejected + counts.duplicate + counts.rerun + counts.in_flight
            message = f"{counts.sent} records were sent, and {became} are accounted for"
            differences.append(Fault(f"source {counts.source}", "sum", message))
    return Reconciled(sorted(sources.values(), key=lambda counts: (counts.source, counts.source_id)), differences, lost)


def _order(origin: Origin) -> tuple[str, int, int, int]:
    return origin.topic, origin.partition, origin.offset, origin.timestamp_ms


def _source_of(places: Places, origin: Origin, sources: dict[str, SourceCounts]) -> SourceCounts:
    """The source by the record's own headers, as the topic or else raw/ has them; a duplicate may bring another one than its batch."""
    record = places.on_topic.get(origin)
    if record is not None:
        source_id, name = record.source_id, record.source
    elif archived := places.in_raw.get(origin):
        source_id, name = archived[0][1].source_id, archived[0][1].source
    else:
        source_id = places.in_ledger[origin].source_id or f"topic:{origin.topic}"
        name = sources[source_id].source if source_id in sources else source_id
    return sources.setdefault(source_id, SourceCounts(name, source_id))


def _came_since(store: Store, delivery: Delivery, origin: Origin) -> list[tuple[RawFile, Outcome]]:
    """The record in the file that the ledger names, which may have been written after raw/ was read."""
    try:
        file = read_raw_manifest(store, delivery.raw_path)
    except (MissingFileError, DamagedFileError):
        return []  # named as a file that is missing or unreadable
    return [(file, outcome) for outcome in file.outcomes if outcome.origin == origin]


def _differences(
    places: Places, origin: Origin, archived: list[tuple[RawFile, Outcome]], delivery: Delivery | None
) -> Iterator[Fault]:
    """What the places say otherwise about one record."""
    subject, record = f"record {origin}", places.on_topic.get(origin)
    if record is None and _has_hole_at(places, origin):
        yield Fault(subject, "not-on-topic", "raw/ or the ledger have it, and the topic has nothing at its offset")
    if record is not None and any(outcome.value_sha256 != record.value_sha256 for _, outcome in archived):
        yield Fault(subject, "bytes", "its bytes in raw/ are not those on the topic")
    if delivery is None:
        if archived and places.is_committed(origin) and not places.outcomes_left:
            outcome = archived[0][1]
            message = f"its outcome ({outcome.verdict} batch {outcome.batch_id} attempt {outcome.attempt}) is in raw/, not in the ledger"
            yield Fault(subject, LOST, f"{message}; reconcile --repair sends it again")
        elif not archived and places.is_committed(origin):
            yield Fault(subject, "not-in-raw", "the ingestor acknowledged it, and no file of raw/ has it")
        return
    if not archived:
        yield Fault(subject, "not-in-raw", f"the ledger has it, and {delivery.raw_path} does not")
        return
    outcomes = [outcome for file, outcome in archived if file.path == delivery.raw_path]
    if not outcomes:
        yield Fault(subject, "not-in-raw", f"the ledger says that {delivery.raw_path} holds it; only other files do")
        return
    outcome = outcomes[0]
    own_id = id_from_origin(origin, outcome.value_sha256)  # of a conflict, which the versioner finds
    if (delivery.batch_id, delivery.attempt) not in {(outcome.batch_id, outcome.attempt), (own_id, 1)}:
        message = f"it is batch {outcome.batch_id} attempt {outcome.attempt} in raw/, {delivery.batch_id} attempt {delivery.attempt}"
        yield Fault(subject, "identity", f"{message} in the ledger")
    elif delivery.kind == "first" and delivery.value_sha256 != outcome.value_sha256:
        yield Fault(subject, "bytes", "its checksum in the ledger is not the one in raw/")
    elif delivery.kind == "first" and delivery.batch_id == outcome.batch_id and delivery.verdict != outcome.verdict:
        yield Fault(subject, "verdict", f"it is {outcome.verdict} in raw/ and {delivery.verdict} in the ledger")


def _lost_reruns(places: Places) -> Iterator[Fault]:
    """Records that were to be judged again, and that neither came back nor are on their way: they could not be sent."""
    waiting = [
        (origin, delivery)
        for origin, delivery in places.in_ledger.items()
        if delivery.kind == "rerun" and delivery.verdict is None and delivery.done_with
    ]
    if not waiting:
        return
    # A record on its way is known by its bytes: the ledger was read before the topic, so it may have been recorded since.
    on_the_way = {
        record.value_sha256 for origin, record in places.on_topic.items() if origin not in places.in_ledger
    } | {archived[0][1].value_sha256 for origin, archived in places.in_raw.items() if origin not in places.in_ledger}
    # One whose outcome named a file that was being removed once more waits for the versioner again.
    again = {
        (delivery.batch_id, delivery.attempt)
        for delivery in places.in_ledger.values()
        if delivery.kind == "rerun" and not delivery.done_with
    }
    newest: dict[str, int] = {}
    for delivery in places.in_ledger.values():
        if delivery.verdict is not None:
            newest[delivery.batch_id] = max(newest.get(delivery.batch_id, 0), delivery.attempt)
    for origin, delivery in sorted(waiting, key=lambda one: _order(one[0])):
        if newest.get(delivery.batch_id, 0) > delivery.attempt:
            continue  # a later attempt stands for it
        archived = places.in_raw.get(origin, [])
        sent = any(outcome.value_sha256 in on_the_way for _, outcome in archived)
        if not sent and (delivery.batch_id, delivery.attempt) not in again:
            message = (
                f"batch {delivery.batch_id} attempt {delivery.attempt} was to be judged again, and nothing came of it"
            )
            advice = "send its workbook again" if delivery.attempt == 1 else "replay or reprocess the batch again"
            yield Fault(f"record {origin}", "rerun-lost", f"{message}: the versioner's log says why; {advice}")


def _has_hole_at(places: Places, origin: Origin) -> bool:
    """Whether a record should be on the topic by its offset, and there is none; one of an earlier topic of that name is no hole."""
    begin, end = places.held.begins.get(origin.partition, 0), places.held.ends.get(origin.partition, 0)
    if origin.topic != places.topic or not begin <= origin.offset < end:
        return False
    return (origin.partition, origin.offset) not in places.offsets_on_topic


def _files(places: Places) -> Iterator[Fault]:
    for file in places.named:
        listed = places.listed.get(file.path)
        if listed is None:
            yield Fault(file.path, "missing", "the ledger names this file, and it is not there")
        elif listed.bytes != file.bytes:
            yield Fault(
                file.path, "length", f"it has {listed.bytes} bytes instead of {file.bytes}; see: acidwatch verify"
            )


def _counts(places: Places) -> Iterator[Fault]:
    stands, due = places.counts
    for name, value in stands.items():
        if value != due[name]:
            message = f"the dataset's row says {value} {name.replace('_', ' ')}; the ledger's tables have {due[name]}"
            yield Fault("dataset", name, message)
