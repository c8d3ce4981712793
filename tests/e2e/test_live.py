"""The live job on a real topic: what it shows is what pandas says of the accepted rows, whatever else is on the topic."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.batch import encode
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.headers import write_headers
from acidwatch.settings import KafkaSettings
from acidwatch.workbook.generate import Generated
from tests.support.deployment import Deployment, Process, until
from tests.unit.contract.makers import make_row

pytestmark = pytest.mark.timeout(1800)

BUSY = 1200.0  # seconds; a quiet machine needs a fiftieth
BROKEN = 2


@dataclass
class Live:
    """A deployment whose live job has followed a workbook, garbage, and the same workbook again."""

    deployment: Deployment
    job: Process
    made: Generated


@pytest.fixture(scope="module")
def live(deployment: Deployment) -> Iterator[Live]:
    services = [deployment.start(name) for name in ("ingestor", "versioner")]
    made = deployment.generate(600, seed=3, broken=(f"range@{BROKEN}",))
    deployment.load_reference(made)
    job = deployment.start("live")  # while nothing is there yet
    services[1].wait_ready()
    deployment.send(made.samples)
    send(deployment, Record("", b"x", b"\x00 no JSON", []), Record("", None, b"{" * 4_000_000, [("ce_id", b"\xff")]))
    deployment.send(made.samples)
    deployment.cli("wait", "--timeout", "240s")
    yield Live(deployment, job, made)
    deployment.stop_all()


def send(deployment: Deployment, *records: Record) -> None:
    """Put records on the topic of batches."""
    topic = deployment.env["ACIDWATCH_TOPIC_BATCHES"]

    async def run() -> None:
        sender = ConfirmedSender(KafkaSettings(kafka_bootstrap=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"]))
        try:
            await sender.send([Record(topic, record.key, record.value, record.headers) for record in records])
        finally:
            await sender.close()

    asyncio.run(run())


def send_rows(deployment: Deployment, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Send a batch as somebody else's producer would, and wait until it is recorded."""
    headers = write_headers(
        batch_id=name, source=f"{name}.xlsx", source_id=name, source_time=datetime.now(UTC).isoformat(), index=0, count=1,
        subject=f"Sheet 1!A2:AD{1 + len(rows)}", time=datetime.now(UTC).isoformat(),
    )  # fmt: skip
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    send(deployment, Record("", name.encode(), encode(columns), headers))
    deployment.cli("wait", "--timeout", "120s")


def accepted_rows(made: Generated, path: Path) -> pd.DataFrame:
    """The workbook without its broken batch, as pandas reads it."""
    frame = pd.read_excel(path, dtype={"SITE_ID": str}, keep_default_na=False, na_values=[""], engine="calamine")
    return frame.drop(index=range(BROKEN * 100, BROKEN * 100 + 100))


def figures(deployment: Deployment) -> pd.DataFrame:
    """olap.live_site, by its key."""
    columns = [
        "program_id",
        "site_id",
        "parameter",
        "unit",
        "last_value",
        "last_sampled_at",
        "mean",
        "n",
        "samples",
        "anc_class",
    ]
    rows = deployment.query(f"SELECT {', '.join(columns)} FROM olap.live_site")  # type: ignore[arg-type]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:3]).sort_index()


def check_figures(deployment: Deployment, rows: pd.DataFrame) -> None:
    """Every figure is that of pandas, and there are no others."""
    ((counted,),) = deployment.query("SELECT coalesce(sum(rows), 0)::int FROM metrics.live_batch")
    assert counted == len(rows)
    values = [rows.assign(parameter=column.parameter, value=rows[column.name]) for column in MEASUREMENTS]
    long = pd.concat(values).dropna(subset="value")
    expected = long.groupby(["PROGRAM_ID", "SITE_ID", "parameter"])["value"].agg(["count", "mean"]).sort_index()
    found = figures(deployment)
    assert list(found.index) == list(expected.index)
    assert found["n"].tolist() == expected["count"].tolist()
    pd.testing.assert_series_equal(
        found["mean"], expected["mean"], check_names=False, check_index_type=False, rtol=1e-9
    )
    shallow = long[long["SAMPLE_LOCATION"] != "HYPO"].assign(DATE_SMP=pd.to_datetime(long["DATE_SMP"]))
    without_inlet = shallow.groupby(["PROGRAM_ID", "SITE_ID"]).filter(
        lambda site: not (site["SAMPLE_LOCATION"] == "IN").any()
    )
    newest = without_inlet.groupby(["PROGRAM_ID", "SITE_ID", "parameter"])["DATE_SMP"].max()
    assert len(newest) > 50
    for key, date in newest.items():
        assert found.loc[key, "last_sampled_at"] == date


def caught_up(live: Live, batches: int) -> None:
    """Wait until so many accepted batches are in the live tables."""

    def there() -> bool:
        if live.job.popen.poll() is not None:
            raise AssertionError(f"the live job ended with {live.job.popen.returncode}:\n{live.job.output[-3000:]}")
        return live.deployment.query("SELECT count(*) FROM metrics.live_batch") == [(batches,)]

    until(there, f"{batches} batches in the live tables", BUSY)


def test_the_live_values_are_those_of_pandas_over_the_accepted_rows(live: Live) -> None:
    caught_up(live, 5)
    check_figures(live.deployment, accepted_rows(live.made, live.made.samples))


def test_an_alert_is_on_the_topic_and_in_the_table_once_the_class_moves_and_an_old_sample_raises_none(
    live: Live,
) -> None:
    deployment = live.deployment
    rows = accepted_rows(live.made, live.made.samples)
    programme, site = rows[rows["SAMPLE_LOCATION"] == "EPI"].iloc[0][["PROGRAM_ID", "SITE_ID"]]
    ions = ("CA", "MG", "NA", "K", "NH4", "SO4", "NO3", "CL", "F")
    blank = dict.fromkeys([*(f"{ion}_UEQ_L" for ion in ions), "COND_UM_CM", "PH_LAB"])

    def row(date: datetime, anc: float) -> dict[str, Any]:
        made = make_row(PROGRAM_ID=programme, SITE_ID=site, ANC_UEQ_L=anc, SAMPLE_DEPTH=99.0, **blank)
        return made | {"DATE_SMP": date.isoformat(), "SAMPLE_LOCATION": "EPI"}

    today = datetime(2024, 5, 1)
    send_rows(deployment, "newest", [row(today, 10.0)])
    caught_up(live, 6)
    send_rows(deployment, "moved", [row(today + timedelta(days=1), -20.0)])
    send_rows(deployment, "old", [row(datetime(1985, 1, 1), 120.0)])
    caught_up(live, 8)
    new = deployment.query(
        "SELECT batch_id, class_before, class_after, alert_id FROM olap.alerts WHERE kind = 'anc-class' AND batch_id IN ('moved', 'old')"
    )
    assert [alert[:3] for alert in new] == [("moved", "0 to 50", "acidic (< 0)")]
    until(
        lambda: deployment.query("SELECT count(*) FROM metrics.alerts WHERE published_at IS NULL") == [(0,)], "alerts"
    )
    records = deployment.records("ACIDWATCH_TOPIC_ALERTS")
    by_id = {dict(one.headers)["ce_id"].decode(): one for one in records}
    assert by_id.keys() == {alert for (alert,) in deployment.query("SELECT alert_id FROM metrics.alerts")}
    body = json.loads(by_id[new[0][3]].value)
    assert (body["kind"], body["site_id"], body["value"], body["batch_id"]) == ("anc-class", site, -20.0, "moved")
    shown = deployment.json("watch", "--once", "--programme", programme, "--site", site)
    assert (shown["sites"][0]["anc"], shown["sites"][0]["anc_class"]) == (-20.0, "acidic (< 0)")
    assert shown["alerts"][0]["batch_id"] in {"moved", "old"}


def test_a_batch_that_is_taken_out_is_out_of_the_live_values_too(live: Live) -> None:
    deployment = live.deployment
    deployment.cli("quarantine", "newest", "moved", "old", "--reason", "a test", "--yes")
    followed = "SELECT version = (SELECT newest_version FROM ledger.datasets) FROM metrics.live_state"
    until(lambda: deployment.query(followed) == [(True,)], "the live job to follow", BUSY)
    rows = accepted_rows(live.made, live.made.samples)
    found = figures(deployment)
    assert found["n"].sum() == sum(rows[column.name].count() for column in MEASUREMENTS)


def test_it_notes_that_it_looked_although_nothing_comes(live: Live) -> None:
    def noted() -> float:
        (line,) = re.findall(
            r'^acidwatch_last_group_timestamp_seconds{service="live"} (\S+)$', live.job.get("/metrics")[1], re.M
        )
        return float(line)

    before = noted()
    until(lambda: noted() > before, "the next look")
    until(lambda: noted() > before + 2, "those after it")


def test_it_ends_in_order_and_started_again_counts_nothing_twice_and_takes_what_it_lacks_from_the_archive(
    live: Live,
) -> None:
    deployment = live.deployment
    assert live.job.get("/readyz")[0] == 200
    assert "acidwatch_live_batches_total 8.0" in live.job.get("/metrics")[1]
    assert live.job.stop(signal.SIGTERM) == 0
    before = figures(deployment)
    # As after the restore of a backup that is older than the checkpoint.
    with psycopg.connect(deployment.database_url) as connection:
        ((lost,),) = connection.execute("SELECT min(batch_id) FROM metrics.live_batch WHERE rows = 100").fetchall()
        connection.execute("DELETE FROM metrics.live_sample WHERE batch_id = %s", (lost,))
        connection.execute("DELETE FROM metrics.live_batch WHERE batch_id = %s", (lost,))
    again = deployment.run("job", "live", "--once", "--output", "json", seconds=BUSY)
    assert again.returncode == 0, again.stderr
    (done,) = json.loads(again.stdout)
    assert (done["batches"], done["rows"]) == (1, 100)
    pd.testing.assert_frame_equal(figures(deployment), before)
