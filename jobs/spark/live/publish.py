"""Publishing alerts: what is in the table and not confirmed goes onto the topic; at least once, under an id that stays the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.alerts import message
from acidwatch.contract.headers import alert_headers
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import KafkaSettings

_AT_ONCE = 500
_NOT_SENT = ("number", "published_at")


def publish_alerts(ledger: Ledger, settings: KafkaSettings) -> int:
    """Publish what is pending, wait for the confirmations, and note them; returns how many.

    Raises:
        DependencyAwayError: Kafka or PostgreSQL does not answer. Some may be on the topic: publishing again repeats them.
    """
    total = 0
    while alerts := _pending(ledger):
        asyncio.run(_send(settings, [record(settings.topic_alerts, alert) for alert in alerts]))
        with ledger.transaction() as connection:
            connection.execute(
                "UPDATE metrics.alerts SET published_at = %s WHERE alert_id = ANY(%s)",
                (datetime.now(UTC), [alert["alert_id"] for alert in alerts]),
            )
        total += len(alerts)
    return total


def record(topic: str, alert: Mapping[str, Any]) -> Record:
    """The record of an alert; the key is its site, so that the alerts of one site keep their order."""
    body = {name: value for name, value in alert.items() if name not in _NOT_SENT and value is not None}
    site = f"{alert['program_id']}/{alert['site_id']}"
    value = orjson.dumps({**body, "message": message(alert)})
    return Record(topic, site.encode(), value, alert_headers(alert["alert_id"], site, alert["raised_at"].isoformat()))


def _pending(ledger: Ledger) -> list[dict[str, Any]]:
    with ledger.transaction() as connection:
        return connection.execute(
            "SELECT * FROM metrics.alerts WHERE published_at IS NULL ORDER BY number LIMIT %s", (_AT_ONCE,)
        ).fetchall()


async def _send(settings: KafkaSettings, records: Sequence[Record]) -> None:
    sender = ConfirmedSender(settings)
    try:
        await sender.send(records)
    finally:
        await sender.close()
