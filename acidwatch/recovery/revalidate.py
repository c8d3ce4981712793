"""Judge the members of a version again, as this contract and the newest reference tables have it, and write nothing.

The bytes are those of raw/, so what is said is what the ingestors of this contract would say. Files are read one after the other and
judged in parts, so that memory does not grow with the dataset.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from acidwatch.archive.groupfile import RawRecord
from acidwatch.archive.raw import read_records
from acidwatch.archive.reference import newest_version, read_reference
from acidwatch.archive.store import Store
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.contract.headers import read_headers, source_of
from acidwatch.contract.judge import Judgement, Submission, judge
from acidwatch.contract.outcome import MOST_FINDINGS, Finding
from acidwatch.errors import DependencyAwayError, PermanentError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import members
from acidwatch.ledger.places import RawPlace, raw_places
from acidwatch.ledger.state import Key
from acidwatch.ledger.tags import find_version

_AT_ONCE = 100  # batches


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that would be rejected today.

    Attributes:
        source, subject: As its headers say.
        hard: How many hard findings there are; `findings` holds at most 50 of them.
    """

    batch_id: str
    attempt: int
    source: str
    subject: str
    rows: int
    hard: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Revalidation:
    """What judging a version again found.

    Attributes:
        batches, rows: Members that were judged, and their rows.
        rejected: Members that would be rejected today.
        rules: How many of them break each hard rule, the commonest first.
        refused: The first of them.
    """

    version: int
    contract_version: str
    reference_version: int
    batches: int = 0
    rows: int = 0
    rejected: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def revalidate(ledger: Ledger, store: Store, version: str, most: int) -> Revalidation:
    """Judge the members of a version (number, tag or `newest`); at most so many of the rejected ones are kept.

    Raises:
        UnusableInputError: There is no such version.
        DependencyAwayError: A server does not answer, no reference tables are loaded, or raw/ is not whole.
        PermanentError: The ledger does not know where the record of a member is.
    """
    with ledger.transaction() as connection:
        number = find_version(connection, version)
        keys: list[Key] = [(member.batch_id, member.attempt) for member in members(connection, number)]
        places = raw_places(connection, keys)
    if lost := [key for key in keys if key not in places]:
        raise PermanentError(f"the ledger does not say where in raw/ batch {lost[0][0]} attempt {lost[0][1]} lies")
    newest = newest_version(store)
    if newest == 0:
        raise DependencyAwayError(
            "reference tables",
            "HDFS",
            "none loaded yet; load them with: acidwatch reference load --sites F --methods F",
        )
    reference = read_reference(store, newest)
    found, rules = Revalidation(number, CONTRACT_VERSION, newest), Counter[str]()
    for file in _by_file(places):
        records = read_records(store, ((place.path, place.origin) for _, place in file))
        for start in range(0, len(file), _AT_ONCE):
            part = [(key, records[place.origin]) for key, place in file[start : start + _AT_ONCE]]
            group = judge([_submission(key, record) for key, record in part], reference)
            for (key, record), judgement in zip(part, group.judgements, strict=True):
                found.batches += 1
                found.rows += judgement.rows
                if judgement.verdict == "rejected":
                    hard = [finding for finding in judgement.findings if finding.severity == "hard"]
                    found.rejected += 1
                    rules.update({finding.rule for finding in hard})
                    if len(found.refused) < most:
                        found.refused.append(_refused(key, record, judgement, hard))
    found.rules = dict(rules.most_common())
    return found


def _by_file(places: dict[Key, RawPlace]) -> list[list[tuple[Key, RawPlace]]]:
    files: dict[str, list[tuple[Key, RawPlace]]] = defaultdict(list)
    for key, place in places.items():
        files[place.path].append((key, place))
    return [files[path] for path in sorted(files)]


def _submission(key: Key, record: RawRecord) -> Submission:
    return Submission(*key, read_headers(record.headers), record.value, record.origin.timestamp_ms)


def _refused(key: Key, record: RawRecord, judgement: Judgement, hard: list[Finding]) -> Refused:
    headers = read_headers(record.headers)
    _, source = source_of(headers, record.origin.topic)
    return Refused(*key, source, headers.subject or "", judgement.rows, judgement.hard, tuple(hard[:MOST_FINDINGS]))
