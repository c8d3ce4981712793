"""A backlog of generated batches: records such as the producer sends, as many as are asked for, from one seed.

So many different rows are generated, and then sent again under other ids: what reading costs is the same, and generating millions
would take longer than reading them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice

from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.batch import BATCH_ROWS, Value, batch_id, encode
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.headers import column_letters, write_headers
from acidwatch.contract.reference import Reference
from acidwatch.settings import KafkaSettings
from acidwatch.workbook.generator.plan import make_plan
from acidwatch.workbook.generator.samples import sample_rows
from acidwatch.workbook.generator.sites import make_sites, site_count

DISTINCT_ROWS = 40_000
SEED = 7
_SENT = "2026-01-01T00:00:00+00:00"
_LAST_COLUMN = column_letters(len(SAMPLE_NAMES))
_AT_ONCE = 200


def batch_values(batches: int, distinct_rows: int = DISTINCT_ROWS) -> Iterator[bytes]:
    """The values of the first so many records of so many different rows."""
    sites = make_sites(site_count(DISTINCT_ROWS), SEED)
    cells = sample_rows(make_plan(distinct_rows, sites, SEED), SEED)
    for _ in range(batches):
        batch = [[_sent_cell(cell) for cell in row] for row in islice(cells, BATCH_ROWS)]
        columns = zip(*batch, strict=True)
        yield encode({name: list(column) for name, column in zip(SAMPLE_NAMES, columns, strict=True)})


def _sent_cell(cell: object) -> Value:
    """As a workbook's reader gives it: dates in ISO 8601, without a time of day where there is none."""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    return cell if isinstance(cell, str | float | None) else str(cell)


def reference() -> Reference:
    """The sites that the rows come from."""
    sites = make_sites(site_count(DISTINCT_ROWS), SEED)
    return Reference.of(1, [(site.programme.name, site.site_id) for site in sites])


def records(topic: str, batches: int, distinct_rows: int = DISTINCT_ROWS) -> Iterator[Record]:
    """So many records of workbooks of so many rows each; no two have the same id."""
    values = list(batch_values(min(batches, distinct_rows // BATCH_ROWS), distinct_rows))
    for number in range(batches):
        workbook, index = divmod(number, len(values))
        source_id, first = f"{workbook:064x}", index * BATCH_ROWS + 2
        identity = batch_id(source_id, "Sheet 1", first, BATCH_ROWS)
        headers = write_headers(
            batch_id=identity,
            source=f"backlog-{workbook}.xlsx",
            source_id=source_id,
            source_time=_SENT,
            index=index,
            count=len(values),
            subject=f"Sheet 1!A{first}:{_LAST_COLUMN}{first + BATCH_ROWS - 1}",
            time=_SENT,
        )
        yield Record(topic, identity.encode(), values[index], headers)


async def send_backlog(
    settings: KafkaSettings, batches: int, distinct_rows: int = DISTINCT_ROWS, skip: int = 0
) -> None:
    """Put so many records on the topic of batches, of so many different rows, but for the first ones."""
    sender = ConfirmedSender(settings)
    try:
        waiting = islice(records(settings.topic_batches, batches, distinct_rows), skip, None)
        while group := list(islice(waiting, _AT_ONCE)):
            await sender.send(group)
    finally:
        await sender.close()
