"""What the live job has written, for `acidwatch watch`. Reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acidwatch.contract.alerts import message
from acidwatch.ledger.connection import Connection

_SITES = (
    "SELECT program_id, site_id, max(last_sampled_at) AS last_sampled_at, max(last_value) FILTER (WHERE parameter = 'ANC') AS anc,"
    " min(anc_class) AS anc_class,"
    # The newest; of one day the first of them, as in the ion balance.
    " (array_agg(last_value ORDER BY last_sampled_at DESC, array_position(ARRAY['PH_LAB', 'PH_EQ', 'PH_FLD', 'PH_STVL'], parameter))"
    " FILTER (WHERE parameter IN ('PH_LAB', 'PH_EQ', 'PH_FLD', 'PH_STVL') AND last_value IS NOT NULL))[1] AS ph,"
    " max(last_value) FILTER (WHERE parameter = 'SO4') AS so4, max(samples) AS n, max(updated_at) AS updated_at"
    " FROM metrics.live_site WHERE "
)
_BY_SITE = (
    " GROUP BY program_id, site_id ORDER BY max(updated_at) DESC, max(last_sampled_at) DESC NULLS LAST, program_id, site_id"
    " LIMIT %(most)s"
)
_ALERTS = "SELECT * FROM metrics.alerts WHERE "
_CHOSEN = (
    "(%(programme)s::text IS NULL OR lower(program_id) = lower(%(programme)s))"
    " AND (%(site)s::text IS NULL OR lower(site_id) = lower(%(site)s))"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to see at one moment.

    Attributes:
        version: Of the dataset, that the job has followed; None: it never ran here.
        seen_at: When the job last looked.
        now: The database's time.
        sites: What changed last comes first: program_id, site_id, last_sampled_at, anc, anc_class, ph, so4 (the last values; ueq/L, pH), n
            (samples), updated_at.
        alerts: The newest first: the columns of olap.alerts, and `message`.
    """

    version: int | None
    seen_at: datetime | None
    now: datetime
    sites: list[dict[str, Any]]
    alerts: list[dict[str, Any]]


def picture(
    connection: Connection, programme: str | None, site: str | None, most_sites: int, most_alerts: int, after: int = 0
) -> Picture:
    """Look, at all sites or at those of a programme or of a name; upper and lower case are the same.

    Args:
        after: Only alerts of a higher number.
    """
    values = {"programme": programme, "site": site}
    state = connection.execute(
        "SELECT now() AS now, (SELECT version FROM metrics.live_state), (SELECT seen_at FROM metrics.live_state)"
    ).fetchone()
    sites = connection.execute(_SITES + _CHOSEN + _BY_SITE, {**values, "most": most_sites}).fetchall()
    newest = _ALERTS + _CHOSEN + " AND number > %(after)s ORDER BY number DESC LIMIT %(most)s"
    alerts = connection.execute(newest, {**values, "most": most_alerts, "after": after}).fetchall()
    if state is None:
        raise ValueError("a query without FROM has one row")
    return Picture(
        state["version"],
        state["seen_at"],
        state["now"],
        sites,
        [{**alert, "message": message(alert)} for alert in alerts],
    )
