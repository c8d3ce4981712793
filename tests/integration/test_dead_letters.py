"""Dead letters and the way back, on real servers: the bytes always come from raw/, attempts are numbered first, twice adds nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from pydantic import SecretStr

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.archive.store import MissingFileError
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.batch import encode, value_digest
from acidwatch.errors import DependencyAwayError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letter_queries import LetterFilter
from acidwatch.recovery.edits import parse_edits
from acidwatch.recovery.letters import open_attempts
from acidwatch.recovery.replay import Orders, choose, replay
from acidwatch.settings import RecoverySettings
from tests.support.command import Done, command
from tests.support.deployment import Deployment
from tests.unit.contract.makers import columns_of, make_row

BROKEN = (
    "range@0", "range@1", "text-in-number@2", "range@3", "range@4", "range@5", "bad-domain@6", "bad-domain@7", "text-date@8",
)  # fmt: skip


class Scene:
    """A deployment with running services, and one workbook of 12 batches sent, nine of them broken."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.made = deployment.generate(1200, seed=21, broken=BROKEN)
        self.services = {name: deployment.start(name) for name in ("ingestor", "versioner")}
        deployment.load_reference(self.made)
        deployment.send_and_wait(self.made.samples)
        rows = deployment.query("SELECT batch_index, batch_id FROM ledger.batches ORDER BY batch_index")
        self.ids: dict[int, str] = dict(rows)
        self.settings = RecoverySettings(
            kafka_bootstrap=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"],
            hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"],
            hdfs_root=deployment.env["ACIDWATCH_HDFS_ROOT"],
            database_url=SecretStr(deployment.database_url),
        )
        self.ledger, self.store = Ledger(self.settings), HdfsStore(self.settings)

    @property
    def topic(self) -> str:
        """The topic of batches."""
        return self.deployment.env["ACIDWATCH_TOPIC_BATCHES"]

    def run(self, *arguments: object) -> Done:
        """Run a command."""
        return command(self.deployment.env, *arguments)

    def must(self, *arguments: object) -> Done:
        """Run a command that must succeed."""
        done = self.run(*arguments)
        assert done.code == 0, (arguments, done.out, done.err)
        return done

    def replay(self, *arguments: object) -> Any:
        """Replay without asking; what it says, once it is judged and recorded."""
        found = self.must("dlq", "replay", *arguments, "--yes", "--output", "json").json
        self.must("wait", "--timeout", "60s")
        return found

    def letter(self, batch_id: str) -> dict[str, Any]:
        """A dead letter as `dlq show` has it."""
        found: dict[str, Any] = self.must("dlq", "show", batch_id, "--output", "json").json
        return found

    def records(self, topic: str) -> list[Any]:
        """Every record that is on a topic, in the order of sending."""

        async def read() -> list[Any]:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"], auto_offset_reset="earliest"
            )
            await consumer.start()
            try:
                await consumer._client.set_topics((topic,))
                partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
                consumer.assign(partitions)
                first, last = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
                found: list[Any] = []
                while len(found) < sum(last.values()) - sum(first.values()):
                    for batch in (await consumer.getmany(timeout_ms=1000)).values():
                        found.extend(batch)
                return sorted(found, key=lambda record: record.timestamp)
            finally:
                await consumer.stop()

        return asyncio.run(read())

    def produce(self, value: bytes, headers: dict[str, bytes], key: bytes | None = None) -> None:
        """Put a record onto the topic of batches, as a stranger would."""

        async def send() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
            await producer.start()
            try:
                await producer.send_and_wait(self.topic, value, key=key, headers=list(headers.items()))
            finally:
                await producer.stop()

        asyncio.run(send())
        self.must("wait", "--timeout", "60s")

    def journal(self, action: str) -> list[tuple[Any, ...]]:
        """Author, message and details of what was done."""
        return self.deployment.query(
            "SELECT author, message, details FROM ledger.audit WHERE action = %s ORDER BY audit_id", action
        )


@pytest.fixture(scope="module")
def scene(deployment: Deployment) -> Iterator[Scene]:
    made = Scene(deployment)
    yield made
    made.ledger.close()


def test_letters_are_listed_with_their_reasons_and_filters_choose_among_them(scene: Scene) -> None:
    done = scene.must("dlq", "list", "--output", "json")
    assert "9 dead letters: 5 range.SO4_UEQ_L, 2 domain.SAMPLE_TYPE, " in done.err
    (letter,) = scene.must("dlq", "list", "--rule", "type.number", "-o", "json").json
    assert letter["batch_id"] == scene.ids[2]
    assert (letter["state"], letter["attempt"], letter["failures"], letter["rows"]) == ("published", 1, 1, 100)
    assert (letter["reason"], letter["column"], letter["source"]) == ("type.number", "CA_UEQ_L", "samples.xlsx")
    assert letter["message"].endswith("CA_UEQ_L is 'lost'; it must be a number, a limit such as <0.5, or empty")
    assert letter["letter_topic"] == scene.deployment.env["ACIDWATCH_TOPIC_LETTERS"]
    assert {"source_id", "sites", "rules", "first_failed_at", "last_failed_at", "letter_offset"} <= letter.keys()

    def count(*filters: str) -> int:
        return len(scene.must("dlq", "list", *filters, "-o", "json").json)

    assert count("--source", letter["source_id"][:10]) == count("--source", "samples.xlsx") == 9
    assert count("--source", "other.xlsx") == count("--state", "parked") == count("--older-than", "1d") == 0
    assert count("--newer-than", "1d", "--reason", "range.SO4_UEQ_L", "--column", "SO4_UEQ_L") == 5
    assert 1 <= count("--site", letter["sites"][0]) <= 9
    assert count("--limit", "3") == 3


def test_what_has_one_cause_stands_together(scene: Scene) -> None:
    causes = scene.must("dlq", "list", "--by", "rule", "-o", "json").json
    assert [(cause["reason"], cause["column"], cause["letters"], cause["rows"]) for cause in causes[:2]] == [
        ("range.SO4_UEQ_L", "SO4_UEQ_L", 5, 500),
        ("domain.SAMPLE_TYPE", "SAMPLE_TYPE", 2, 200),
    ]
    assert causes[0]["states"] == {"pending": 0, "published": 5, "replayed": 0, "parked": 0, "resolved": 0}
    assert "outside 0 to 2000 ueq/L" in causes[0]["example"]


def test_a_letter_is_shown_with_its_findings_its_origin_and_its_bad_cells(scene: Scene) -> None:
    shown = scene.must("dlq", "show", scene.ids[0][:13]).out
    (fault,) = [fault for fault in scene.made.faults if fault.batch == 0]
    assert f"Sheet 1!{fault.cell}: SO4_UEQ_L is 2400.5, outside 0 to 2000 ueq/L" in shown
    assert "»2400.5«" in shown
    assert "attempt 1: rejected" in shown
    assert f"from {scene.topic}/" in shown
    letter = scene.letter(scene.ids[0])
    (row,) = [row for row in letter["payload"]["shown"] if row["row"] == fault.row]
    assert {"severity": "hard", "rule": "range.SO4_UEQ_L", "column": "SO4_UEQ_L"} in row["findings"]
    assert len(scene.must("dlq", "show", scene.ids[0], "--all-rows", "-o", "json").json["payload"]["shown"]) == 100
    assert letter["provenance"]["archive_path"].startswith("raw/")


def test_a_dry_run_says_what_would_be_sent_and_changes_nothing(scene: Scene) -> None:
    before = scene.deployment.query("SELECT * FROM ledger.dead_letters ORDER BY batch_id")
    done = scene.must("dlq", "replay", "--all", "--set", "SO4_UEQ_L=47", "--dry-run", "-o", "json").json
    assert (done["sent"], done["dry_run"]) == (9, True)
    assert {letter["cells"] for letter in done["letters"]} == {1}
    assert scene.deployment.query("SELECT * FROM ledger.dead_letters ORDER BY batch_id") == before
    assert scene.deployment.query("SELECT * FROM ledger.planned_attempts") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "--yes"], "say which letters"),
        (["replay", "--all"], "nobody is there to answer"),
        (["replay", "--all", "abc", "--yes"], "not several of them"),
        (["replay", "zzz", "--yes"], "no batch begins with 'zzz'"),
        (["replay", "--all", "--to", "TOPIC", "--yes"], "this is a topic of the pipeline"),
        (["park", "--all", "-m", "x"], "nobody is there to answer"),
    ],
)
def test_what_is_not_said_clearly_is_refused(scene: Scene, arguments: list[str], said: str) -> None:
    done = scene.run("dlq", *(scene.topic if argument == "TOPIC" else argument for argument in arguments))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_letter_replayed_unchanged_fails_again_and_is_parked_after_three_failures(scene: Scene) -> None:
    batch_id = scene.ids[0]
    done = scene.replay(batch_id, "-m", "once more", "--author", "ann")
    assert [(letter["attempt"], letter["cells"]) for letter in done["letters"]] == [(2, 0)]
    letter = scene.letter(batch_id)
    assert (letter["state"], letter["failures"], letter["attempt"]) == ("published", 2, 2)
    assert letter["attempts"][1]["plan"]["author"] == "ann"
    assert letter["attempts"][1]["plan"]["sent_at"] is not None
    scene.replay(batch_id)
    assert (scene.letter(batch_id)["state"], scene.letter(batch_id)["failures"]) == ("parked", 3)
    sent = [record for record in scene.records(scene.topic) if record.key == batch_id.encode()]
    assert len({record.value for record in sent}) == 1
    assert [dict(record.headers)["ce_attempt"] for record in sent] == [b"1", b"2", b"3"]
    without = [[header for header in record.headers if header[0] != "ce_attempt"] for record in sent]
    assert without[0] == without[1] == without[2]
    assert batch_id not in {letter["batch_id"] for letter in scene.replay("--reason", "none.such")["letters"]}
    (entry,) = [entry for entry in scene.journal("replay") if entry[1] == "once more"]
    assert entry[0] == "ann"
    said = entry[2]["attempts"][0]
    assert (said["batch_id"], said["attempt"], said.keys()) == (
        batch_id, 2, {"batch_id", "attempt", "value_sha256", "headers"},
    )  # fmt: skip


def test_an_edited_letter_is_accepted_resolved_and_one_version(scene: Scene) -> None:
    batch_id = scene.ids[1]
    before = scene.deployment.json("status")
    done = scene.replay(batch_id, "--set", "SO4_UEQ_L=47", "-m", "decimal point")
    assert [(letter["attempt"], letter["cells"]) for letter in done["letters"]] == [(2, 1)]
    after = scene.deployment.json("status")
    assert (after["version"], after["rows"]) == (before["version"] + 1, before["rows"] + 100)
    letter = scene.letter(batch_id)
    assert (letter["state"], letter["attempts"][1]["verdict"]) == ("resolved", "accepted")
    (entry,) = [entry for entry in scene.journal("replay") if entry[1] == "decimal point"]
    assert entry[2]["edits"] == {"set": {"SO4_UEQ_L": 47.0}, "set_header": {}, "all_rows": False}
    for named in ([batch_id], ["--state", "resolved"]):
        refused = scene.run("dlq", "replay", *named, "--yes")
        assert refused.code == 2
        assert f"acidwatch reprocess {batch_id}" in refused.err


def test_the_bytes_come_from_the_archive_when_the_topics_have_lost_them_and_twice_adds_nothing_twice(
    scene: Scene,
) -> None:
    batch_id = scene.ids[5]
    topics = [scene.topic, scene.deployment.env["ACIDWATCH_TOPIC_LETTERS"]]

    async def delete() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=scene.deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
        await admin.start()
        try:
            every = {TopicPartition(topic, number): RecordsToDelete(-1) for topic in topics for number in range(3)}
            await admin.delete_records(every)
        finally:
            await admin.close()

    asyncio.run(delete())
    assert [scene.records(topic) for topic in topics] == [[], []]
    before = scene.deployment.json("status")
    ingestor = scene.services["ingestor"].popen
    ingestor.send_signal(signal.SIGSTOP)  # so that both are on the topic before one of them is judged
    try:
        again = ("dlq", "replay", batch_id, "--set", "SO4_UEQ_L=47", "--yes", "-o", "json")
        assert [letter["attempt"] for letter in scene.must(*again).json["letters"]] == [2]
        held = scene.run(*again)
        assert (held.code, held.json["sent"]) == (1, 0)
        assert "attempt 2 (replay by " in held.json["letters"][0]["problem"]
        assert [letter["attempt"] for letter in scene.must(*again, "--force").json["letters"]] == [3]
    finally:
        ingestor.send_signal(signal.SIGCONT)
    scene.must("wait", "--timeout", "60s")
    after = scene.deployment.json("status")
    assert (after["version"], after["rows"]) == (before["version"] + 1, before["rows"] + 100)
    letter = scene.letter(batch_id)
    assert (letter["state"], [attempt["verdict"] for attempt in letter["attempts"]]) == (
        "resolved",
        ["rejected", "accepted", "accepted"],
    )


class CrashBeforeSending:
    """A sender that is gone before it sends."""

    async def send(self, records: Sequence[Record]) -> list[Any]:
        """Crash."""
        raise DependencyAwayError("Kafka", "here", "crashed")


def test_a_replay_that_crashed_before_it_sent_takes_its_number_again(scene: Scene) -> None:
    batch_id = scene.ids[3]
    orders = Orders("ann", "before the crash", scene.topic, 8 * 1024**2, parse_edits([], [], all_rows=False))
    chosen = choose(scene.ledger, [batch_id], LetterFilter(), None)
    crash = replay(scene.ledger, scene.store, CrashBeforeSending(), chosen, orders, asyncio.Event(), lambda done: None)
    with pytest.raises(DependencyAwayError, match="crashed"):
        asyncio.run(crash)
    letter = scene.letter(batch_id)
    edited = scene.run("dlq", "replay", batch_id, "--set-header", "ce_source=other.xlsx", "--yes", "-o", "json")
    assert edited.code == 1
    assert "attempt 2 (replay by ann, " in edited.json["letters"][0]["problem"]
    assert (letter["state"], letter["attempts"][1]["verdict"]) == ("replayed", None)
    done = scene.replay("--source", "samples.xlsx", "--reason", "range.SO4_UEQ_L", "--limit", "2", "--rate", "100/s")
    again = {letter["batch_id"]: letter["attempt"] for letter in done["letters"]}
    assert again[batch_id] == 2
    assert scene.letter(batch_id)["failures"] == 2


class WithoutQuarantine(HdfsStore):
    """The archive after somebody removed quarantine/."""

    def read(self, path: str) -> bytes:
        """See Store."""
        if path.startswith("quarantine/"):
            raise MissingFileError(path)
        return super().read(path)


def test_where_the_quarantine_file_is_gone_the_findings_of_the_ledger_have_to_do(scene: Scene) -> None:
    key = scene.ids[0], 1
    whole = open_attempts(scene.ledger, scene.store, [key])[key]
    left = open_attempts(scene.ledger, WithoutQuarantine(scene.settings), [key])[key]
    assert [finding for finding in left.findings if finding.severity == "hard"] == [
        finding for finding in whole.findings if finding.severity == "hard"
    ]
    assert left.record == whole.record


def test_after_a_wrong_edit_one_goes_back_to_what_was_sent_first(scene: Scene) -> None:
    batch_id = scene.ids[4]
    scene.replay(batch_id, "--set", "SAMPLE_TYPE=Anual", "--all-rows")
    assert scene.letter(batch_id)["reason"] == "domain.SAMPLE_TYPE"
    refused = scene.run("dlq", "replay", batch_id, "--from-attempt", "99", "--yes", "-o", "json")
    assert (refused.code, refused.json["letters"][0]["problem"]) == (1, f"batch {batch_id} has no attempt 99")
    scene.replay(batch_id, "--from-attempt", "1", "--set", "SO4_UEQ_L=47")
    assert scene.letter(batch_id)["state"] == "resolved"


def test_letters_with_one_cause_are_repaired_together(scene: Scene) -> None:
    done = scene.replay("--rule", "domain.SAMPLE_TYPE", "--set", "SAMPLE_TYPE=Regular")
    assert {letter["batch_id"] for letter in done["letters"]} == {scene.ids[6], scene.ids[7]}
    assert {scene.letter(scene.ids[index])["state"] for index in (6, 7)} == {"resolved"}


def test_a_parked_letter_waits_until_somebody_takes_it_up_again(scene: Scene) -> None:
    batch_id = scene.ids[8]
    scene.must("dlq", "park", batch_id, "-m", "ask the lab", "--author", "bob", "--yes")
    assert scene.replay("--rule", "type.datetime")["letters"] == []
    shown = scene.must("dlq", "show", batch_id).out
    assert "park by bob" in shown
    assert "ask the lab" in shown
    assert scene.run("dlq", "park", batch_id, "-m", "again", "--yes").code == 2
    done = scene.must("dlq", "unpark", "--rule", "type.datetime", "-m", "answered", "--yes", "-o", "json").json
    assert done["batches"] == [batch_id]
    assert scene.letter(batch_id)["state"] == "published"
    assert [entry[:2] for entry in scene.journal("park")] == [("bob", "ask the lab")]


def test_copies_to_a_sandbox_number_nothing_and_change_no_state(scene: Scene) -> None:
    batch_id, sandbox = scene.ids[8], f"{scene.topic}.sandbox"

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=scene.deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
        await admin.start()
        try:
            await admin.create_topics([NewTopic(sandbox, 1, 1)])
        finally:
            await admin.close()

    asyncio.run(create())
    plans = scene.deployment.query("SELECT count(*) FROM ledger.planned_attempts")
    done = scene.replay(batch_id, "--to", sandbox, "--set-header", "ce_source=trial", "-m", "to try")
    assert (done["copy"], done["letters"][0]["attempt"]) == (True, None)
    (record,) = scene.records(sandbox)
    assert dict(record.headers)["ce_source"] == b"trial"
    assert dict(record.headers)["ce_attempt"] == b"1"
    assert scene.letter(batch_id)["state"] == "published"
    assert scene.deployment.query("SELECT count(*) FROM ledger.planned_attempts") == plans
    ((_, message, details),) = scene.journal("copy")
    assert (message, details["topic"], details["batches"]) == ("to try", sandbox, [batch_id])
    nowhere = scene.run("dlq", "replay", batch_id, "--to", "no-such-topic", "--yes")
    assert nowhere.code == 3
    assert "topic no-such-topic does not exist" in nowhere.err


@pytest.mark.parametrize(
    ("away", "settings"),
    [
        ("Kafka", {"ACIDWATCH_KAFKA_BOOTSTRAP": "127.0.0.1:9", "ACIDWATCH_KAFKA_TIMEOUT_SECONDS": "2"}),
        ("HDFS", {"ACIDWATCH_HDFS_URL": "http://127.0.0.1:9", "ACIDWATCH_HDFS_TIMEOUT_SECONDS": "2"}),
    ],
)
def test_while_a_server_is_away_nothing_is_numbered(scene: Scene, away: str, settings: dict[str, str]) -> None:
    plans = scene.deployment.query("SELECT count(*) FROM ledger.planned_attempts")
    for arguments in (("dlq", "replay", scene.ids[8]), ("reprocess", scene.ids[9])):
        done = command({**scene.deployment.env, **settings}, *arguments, "--yes")
        assert (done.code, done.out) == (3, "")
        assert f"{away} is away at" in done.err
        assert "Traceback" not in done.err
    assert scene.deployment.query("SELECT count(*) FROM ledger.planned_attempts") == plans
    assert scene.letter(scene.ids[8])["state"] == "published"


def test_a_replay_that_is_stopped_ends_after_the_letters_at_hand(scene: Scene) -> None:
    chosen = choose(scene.ledger, [], LetterFilter(), None)
    assert len(chosen) > 1
    orders = Orders("ann", "", scene.topic, 8 * 1024**2, parse_edits([], [], all_rows=False), dry_run=True, rate=1.0)
    stop = asyncio.Event()
    sender = ConfirmedSender(scene.settings)
    done = asyncio.run(replay(scene.ledger, scene.store, sender, chosen, orders, stop, lambda done: stop.set()))
    assert [letter.batch_id for letter in done] == [chosen[0]["batch_id"]]


class CrashAfterSending:
    """The real sender, which is gone before it can say that the broker confirmed."""

    def __init__(self, settings: RecoverySettings) -> None:
        self.sender = ConfirmedSender(settings)

    async def send(self, records: Sequence[Record]) -> list[Any]:
        """Send, and crash."""
        await self.sender.send(records)
        await self.sender.close()
        raise DependencyAwayError("Kafka", "here", "crashed")


def test_a_replay_that_crashed_after_it_sent_is_repeated_and_counts_as_a_duplicate(scene: Scene) -> None:
    batch_id = scene.ids[8]
    orders = Orders(
        "ann", "first try", scene.topic, 8 * 1024**2, parse_edits(["DATE_SMP=2001-06-14"], [], all_rows=False)
    )
    before = scene.deployment.json("status")["batches"]
    ingestor = scene.services["ingestor"].popen
    ingestor.send_signal(signal.SIGSTOP)  # so that the first one is not judged before it is repeated
    try:
        crash = replay(
            scene.ledger, scene.store, CrashAfterSending(scene.settings), choose(scene.ledger, [batch_id], LetterFilter(), None),
            orders, asyncio.Event(), lambda done: None,
        )  # fmt: skip
        with pytest.raises(DependencyAwayError, match="crashed"):
            asyncio.run(crash)
        assert scene.letter(batch_id)["attempts"][1]["plan"]["sent_at"] is None
        arguments = ("--rule", "type.datetime", "--set", "DATE_SMP=2001-06-14", "--yes", "-o", "json")
        done = scene.must("dlq", "replay", *arguments).json
        assert [(letter["batch_id"], letter["attempt"]) for letter in done["letters"]] == [(batch_id, 2)]
    finally:
        ingestor.send_signal(signal.SIGCONT)
    scene.must("wait", "--timeout", "60s")
    after = scene.deployment.json("status")["batches"]
    assert (after["accepted"], after["duplicate"]) == (before["accepted"] + 1, before["duplicate"] + 1)
    letter = scene.letter(batch_id)
    assert letter["state"] == "resolved"
    assert [delivery["kind"] for delivery in letter["attempts"][1]["deliveries"]] == ["first", "duplicate"]


def test_a_letter_exported_corrected_and_resubmitted_is_accepted(scene: Scene, tmp_path: Path) -> None:
    batch_id, fix = scene.ids[2], tmp_path / "fix.xlsx"
    (fault,) = [fault for fault in scene.made.faults if fault.batch == 2]
    scene.must("dlq", "export", batch_id, "--to", fix)
    assert "is there already" in scene.run("dlq", "export", batch_id, "--to", fix).err
    unchanged = scene.run("dlq", "resubmit", fix, "--yes")
    assert unchanged.code == 2
    assert "nothing was changed in it" in unchanged.err
    book = openpyxl.load_workbook(fix)
    cell = book[fault.sheet][fault.cell]
    assert (cell.value, cell.fill.fgColor.rgb) == ("lost", "FFFF9999")
    assert "type.number: CA_UEQ_L is 'lost'" in cell.comment.text
    cell.value = 101.5
    book.save(fix)
    done = scene.must("dlq", "resubmit", fix, "-m", "the lab's answer", "--yes", "-o", "json").json
    assert (done["batch_id"], done["attempt"], done["cells"]) == (batch_id, 2, 1)
    scene.must("wait", "--timeout", "60s")
    letter = scene.letter(batch_id)
    assert (letter["state"], letter["attempts"][1]["verdict"]) == ("resolved", "accepted")
    assert letter["attempts"][1]["plan"]["kind"] == "resubmit"
    again = scene.run("dlq", "resubmit", fix, "--yes")
    assert again.code == 2
    assert "was accepted meanwhile" in again.err
    assert scene.run("dlq", "resubmit", scene.made.samples, "--yes").code == 2


def test_an_accepted_batch_is_run_again_and_takes_its_own_place(scene: Scene) -> None:
    batch_id = scene.ids[10]
    before = scene.deployment.json("status")
    done = scene.must("reprocess", batch_id[:13], "-m", "new reference", "--yes", "-o", "json").json
    assert [(batch["attempt"], batch["from_attempt"], batch["member"]) for batch in done["batches"]] == [(2, 1, True)]
    scene.must("wait", "--timeout", "60s")
    after = scene.deployment.json("status")
    assert (after["version"], after["rows"]) == (before["version"] + 1, before["rows"])
    newest = scene.deployment.json("versions", "show", str(after["version"]))
    assert (newest["kind"], newest["batch_id"], newest["attempt"]) == ("reprocess", batch_id, 2)
    newest_batch = scene.must("reprocess", "--last-good", "--source", "samples.xlsx", "--dry-run", "-o", "json").json
    assert newest_batch["batches"][0]["batch_id"] == batch_id
    never = scene.run("reprocess", scene.ids[0], "--yes")
    assert never.code == 2
    assert f"acidwatch dlq replay {scene.ids[0]}" in never.err


def test_a_quarantined_batch_comes_back_by_reprocess(scene: Scene) -> None:
    batch_id = scene.ids[11]
    rows = scene.deployment.json("status")["rows"]
    scene.must("quarantine", batch_id, "--reason", "trial", "--yes")
    assert scene.deployment.json("status")["rows"] == rows - 100
    assert scene.must("reprocess", batch_id, "--yes", "-o", "json").json["batches"][0]["member"] is False
    scene.must("wait", "--timeout", "60s")
    assert scene.deployment.json("status")["rows"] == rows


def test_a_record_of_a_stranger_gets_its_id_stamped_on_and_hostile_text_does_no_harm(
    scene: Scene, tmp_path: Path
) -> None:
    escape, markup, formula = "\x1b[2J\x1b]0;owned\x07", "[bold red]x[/]", "=cmd|'/c calc'!A1"
    row = make_row(SITE_ID=escape, TIME_SMP=formula, PROGRAM_ID=markup, CA_UEQ_L=formula)
    scene.produce(encode(columns_of([row, make_row(SO4_UEQ_L="=1+1")])), {"ce_source": markup.encode()})
    (letter,) = scene.must("dlq", "list", "--source", markup, "-o", "json").json
    batch_id = letter["batch_id"]
    for shown in (scene.must("dlq", "list").out, scene.must("dlq", "show", batch_id, "--all-rows").out):
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert markup in shown
    fix = tmp_path / "hostile.xlsx"
    scene.must("dlq", "export", batch_id, "--to", fix)
    cells = [cell for page in openpyxl.load_workbook(fix) for line in page.iter_rows() for cell in line]
    assert {cell.data_type for cell in cells if cell.value is not None} <= {"s", "n", "d", "inlineStr"}
    assert formula in {cell.value for cell in cells}
    scene.replay(batch_id)
    sent = [record for record in scene.records(scene.topic) if dict(record.headers).get("ce_source") == markup.encode()]
    assert [dict(record.headers).get("ce_id") for record in sent] == [None, batch_id.encode()]
    assert scene.letter(batch_id)["failures"] == 2


def test_a_record_that_is_no_batch_is_shown_and_its_bytes_are_given_out(scene: Scene, tmp_path: Path) -> None:
    value = b"\xff\x00 no json \x1b[31m"
    scene.produce(value, {"ce_id": b"no-batch-at-all"})
    assert "can't be decoded" in scene.must("dlq", "show", "no-batch-at-all").out
    refused = scene.run("dlq", "export", "no-batch-at-all", "--to", tmp_path / "x.xlsx")
    assert refused.code == 1
    assert "Its bytes: give --raw" in refused.err
    scene.must("dlq", "export", "no-batch-at-all", "--raw", "--to", tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == value
    edited = scene.run("dlq", "replay", "no-batch-at-all", "--set", "SO4_UEQ_L=1", "--yes", "-o", "json")
    assert edited.code == 1
    assert "can't be decoded" in edited.json["letters"][0]["problem"]
    assert value_digest(value) in {row[0] for row in scene.deployment.query("SELECT value_sha256 FROM ledger.attempts")}
